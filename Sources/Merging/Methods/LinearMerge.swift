// The weighted mean of models (Wortsman et al. 2022, "Model soups").

package struct LinearMerge: MergeMethod {
  package let name = "linear"
  package let parameters = [MergeParameter("weight", .input), MergeParameter("normalize", .shared, usual: 1)]
  package let needsBase = false

  package init() {}

  package func merge(
    _ inputs: [MergeInput], _ shared: MergeValues, into result: UnsafeMutableBufferPointer<Float>
  ) {
    result.update(repeating: 0)
    for input in inputs {
      let weight = Float(input.values["weight"])
      for place in result.indices { result[place] += weight * input.numbers[place] }
    }
    guard shared["normalize"] != 0 else { return }
    let sum = inputs.reduce(Float(0)) { $0 + Float($1.values["weight"]) }
    for place in result.indices { result[place] /= sum }
  }
}
