// Work on whole parameters of which ranks hold arbitrary slices.

/// What a rule does with whole parameters.
package struct WholeWork {
  /// Writes the numbers of a held range; called for every range of the parameters that this rank holds.
  package let give: (_ held: Int, _ to: UnsafeMutablePointer<Float>) -> Void
  /// Works on all numbers of a parameter, in its own memory. It is called on one rank for each parameter.
  package let work: (_ parameter: Int, _ whole: UnsafeMutablePointer<Float>) -> Void
  /// Takes the result for a held range; called as often as `give`.
  package let take: (_ held: Int, _ from: UnsafePointer<Float>) -> Void

  package init(
    give: @escaping (_ held: Int, _ to: UnsafeMutablePointer<Float>) -> Void,
    work: @escaping (_ parameter: Int, _ whole: UnsafeMutablePointer<Float>) -> Void,
    take: @escaping (_ held: Int, _ from: UnsafePointer<Float>) -> Void
  ) {
    (self.give, self.work, self.take) = (give, work, take)
  }
}

extension ParameterSums {
  /// Where one process holds every range.
  package func workOnWhole(_ parameters: [Int], held: [UpdateStretch], _ body: WholeWork) {
    for parameter in parameters {
      let ranges = held.indices.filter { held[$0].parameter == parameter }
      withUnsafeTemporaryAllocation(of: Float.self, capacity: layout.parameters[parameter].spec.count) {
        guard let whole = $0.baseAddress else { return }
        for range in ranges { body.give(range, whole + held[range].start) }
        body.work(parameter, whole)
        for range in ranges { body.take(range, whole + held[range].start) }
      }
    }
  }
}
