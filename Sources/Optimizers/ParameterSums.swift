// What a rank that holds ranges of parameters can learn about whole parameters, with the same bits at every rank count.
import Tensors

/// A range of a parameter that one rank holds.
package struct ParameterRange: Sendable {
  /// An index into the layout.
  package let parameter: Int
  /// The number of its first element within the parameter.
  package let start: Int
  package let count: Int
  /// How many numbers after the start of its segment of the line it begins: blocks and grains are counted from there.
  package let phase: Int

  package init(parameter: Int, start: Int, count: Int, phase: Int) {
    self.parameter = parameter
    self.start = start
    self.count = count
    self.phase = phase
  }

  /// The range cut at multiples of the grain from the start of the segment: the cuts are the same, whichever rank
  /// owns what.
  package var grains: Int {
    (phase % ParameterLayout.grain + count + ParameterLayout.grain - 1) / ParameterLayout.grain
  }

  /// The elements of a grain, counted from the start of the range.
  func grain(_ index: Int) -> Range<Int> {
    let first = phase % ParameterLayout.grain
    return max(
      index * ParameterLayout.grain - first, 0)..<min(
        (index + 1) * ParameterLayout.grain - first, count)
  }
}

package protocol ParameterSums {
  var layout: ParameterLayout { get }

  /// Brings together what all ranks tell of the ranges that they hold.
  /// - Parameters:
  ///   - values: `count(range)` values for each range held, in their order.
  ///   - count: how many values a range has, whichever rank holds it.
  ///   - body: gets every range of the line once, in its order, with its values.
  func gather(
    _ values: [Double], count: (ParameterRange) -> Int,
    _ body: (ParameterRange, ArraySlice<Double>) -> Void)

  /// Adds up the values of ranks that hold different ranges. They are whole numbers, so the order does not matter.
  func add(_ values: inout [Int64])

  /// Brings whole parameters together, works on each, and gives the results back to the ranks that hold ranges of it.
  /// - Parameter held: what this rank holds of all parameters.
  func workOnWhole(_ parameters: [Int], held: [UpdateStretch], _ body: WholeWork)
}

extension ParameterSums {
  /// The fp64 sums over whole parameters.
  /// - Parameter grains: one value for each grain of each range held, in their order.
  /// - Returns: for each parameter, the values of all ranks, added in the order of the line.
  func total(ofGrains grains: [Double]) -> [Double] {
    var totals = [Double](repeating: 0, count: layout.parameters.count)
    gather(grains, count: \.grains) { range, values in
      for value in values { totals[range.parameter] += value }
    }
    return totals
  }
}
