// Tensors of one model as they are, or scaled: layers of several models become one.

package struct Passthrough: MergeMethod {
  package let name = "passthrough"
  package let parameters = [MergeParameter("scale", .input, usual: 1)]
  package let needsBase = false
  package let models = 1...1

  package init() {}

  package func merge(
    _ inputs: [MergeInput], _ shared: MergeValues, into result: UnsafeMutableBufferPointer<Float>
  ) {
    let scale = Float(inputs[0].values["scale"])
    for place in result.indices { result[place] = scale * inputs[0].numbers[place] }
  }
}
