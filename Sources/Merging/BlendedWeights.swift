// The parameters of a merged model, each made when it is read.
import Base
import Models
import Tensors

struct BlendedWeights: WeightReader {
  private let plan: MergePlan
  private let models: [MergeModel]
  private let method: any MergeMethod
  private let seed: UInt64

  init(_ plan: MergePlan, _ models: [MergeModel], _ method: any MergeMethod, seed: UInt64) {
    (self.plan, self.models, self.method, self.seed) = (plan, models, method, seed)
  }

  /// - Parameter elements: all of the parameter.
  func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let spec = plan.layout.parameters[parameter].spec
    precondition(elements == 0..<spec.count, "a merge is of whole tensors")
    let part = plan.parts[parameter]
    var memories: [FlatMemory] = []
    var inputs: [MergeInput] = []
    for (number, input) in part.inputs.enumerated() {
      let memory = FlatMemory(count: spec.count, label: "merging")
      memories.append(memory)
      let numbers = UnsafeMutableBufferPointer(start: memory.base, count: spec.count)
      try models[input.model].read(input.parameter, into: numbers)
      var draw = FNV1a(spec.name.utf8)
      draw.mix(seed)
      draw.mix(UInt64(number))
      inputs.append(MergeInput(numbers, values: input.values, isBase: input.isBase, draw: draw.value))
    }
    method.merge(inputs, part.shared, into: target)
    withExtendedLifetime(memories) {}
  }
}
