// What fine-tuning added to a base, of several models: task arithmetic (Ilharco et al. 2022), with small or random parts
// left out and signs agreed upon by TIES (Yadav et al. 2023) and DARE (Yu et al. 2023).

package struct TaskArithmetic: MergeMethod {
  package let name: String
  private let sparsity: Sparsity?
  /// Whether only parts with the sign of the sum count.
  private let electsSigns: Bool
  package let parameters: [MergeParameter]
  package let needsBase = true

  /// - Parameters:
  ///   - normalises: whether the sum is divided by the weights, by default.
  ///   - rescales: whether what is left has the size of the whole, by default.
  init(
    name: String, sparsity: Sparsity? = nil, electsSigns: Bool = false, normalises: Bool = false,
    rescales: Bool = false
  ) {
    (self.name, self.sparsity, self.electsSigns) = (name, sparsity, electsSigns)
    parameters = [
      MergeParameter("weight", .nonBase), MergeParameter("density", .nonBase, usual: 1),
      MergeParameter("normalize", .shared, usual: normalises ? 1 : 0),
      MergeParameter("rescale", .shared, usual: rescales ? 1 : 0),
      MergeParameter("lambda", .shared, usual: 1),
      // How mergekit keeps its masks, which changes no result.
      MergeParameter("int8_mask", .shared, usual: 0),
    ]
  }

  package func merge(
    _ inputs: [MergeInput], _ shared: MergeValues, into result: UnsafeMutableBufferPointer<Float>
  ) {
    guard let base = inputs.first(where: \.isBase)?.numbers else {
      preconditionFailure("the recipe was checked for a base")
    }
    let others = inputs.filter { !$0.isBase }
    let weights = others.map { Float($0.values["weight"]) }
    for (other, weight) in zip(others, weights) {
      for place in result.indices { other.numbers[place] -= base[place] }
      sparsity?.thin(
        other.numbers, to: other.values["density"], draw: other.draw, rescales: shared["rescale"] != 0)
      for place in result.indices { other.numbers[place] *= weight }
    }
    let normalises = shared["normalize"] != 0
    let lambda = Float(shared["lambda"])
    let all = weights.reduce(0, +)
    for place in result.indices {
      var sum = others.reduce(Float(0)) { $0 + $1.numbers[place] }
      var divisor = abs(all) < 1e-8 ? 1 : all
      if electsSigns {
        let sign: Float = sum >= 0 ? 1 : -1
        (sum, divisor) = (0, 0)
        for (other, weight) in zip(others, weights) where other.numbers[place] * sign > 0 {
          sum += other.numbers[place]
          divisor += weight
        }
        if divisor == 0 { divisor = 1 }
      }
      if normalises { sum /= divisor }
      result[place] = base[place] + sum * lambda
    }
  }
}
