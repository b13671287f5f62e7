// The optimizer's states in a checkpoint: one set of files for each, under the names of the parameters.
import Base
import Optimizers
import Sharding
import Tensors

extension OptimizerState {
  var storedType: StoredType { element == .float32 ? .f32 : .u8 }
}

extension ParameterLayout {
  /// The shape of the state for a parameter; nil if the parameter has no such state.
  func shape(of state: OptimizerState, _ parameter: Parameter) -> [Int]? {
    guard state.covers(parameter.spec) else { return nil }
    return state.shape(of: parameter.spec, phase: phase(of: parameter.range.lowerBound))
  }

  /// Where a state's elements will lie.
  func plan(_ state: OptimizerState, maximumShardBytes: Int) throws -> SafetensorsPlan {
    let tensors = forwardOrder.map { parameters[$0] }.compactMap { parameter in
      shape(of: state, parameter).map { (name: parameter.spec.name, shape: $0) }
    }
    return try SafetensorsPlan(
      tensors: tensors, type: state.storedType, maximumShardBytes: maximumShardBytes, stem: state.name)
  }
}

extension HuggingFaceWeights {
  /// - Throws: one `UserError` for all parameters whose state is missing, or of another type or shape.
  func check(_ state: OptimizerState, layout: ParameterLayout) throws {
    let faults = layout.forwardOrder.compactMap { fault(of: state, layout, layout.parameters[$0]) }
    guard let first = faults.first else { return }
    let others = faults.count > 1 ? ", and \(faults.count - 1) more are wrong" : ""
    throw UserError(.data, first + others, at: folder, hint: "is it of another model?")
  }

  private func fault(
    of state: OptimizerState, _ layout: ParameterLayout, _ parameter: ParameterLayout.Parameter
  ) -> String? {
    guard let expected = layout.shape(of: state, parameter) else { return nil }
    let name = parameter.spec.name
    guard let shape = shape(of: name), let type = type(of: name) else {
      return "has no \(state.name) of \(name)"
    }
    if shape == expected, type == state.storedType || type.isFloat && state.storedType.isFloat { return nil }
    return
      "\(state.name) of \(name) is \(type.rawValue) \(shape), not \(state.storedType.rawValue) \(expected)"
  }
}

extension ShardedState {
  func read(_ layout: ParameterLayout, from file: HuggingFaceWeights) throws {
    for part in parts {
      let name = layout.parameters[part.parameter].spec.name
      let target = bytes(of: part)
      switch declaration.element {
      case .float32:
        try file.read(name, into: target.assumingMemoryBound(to: Float.self), range: part.elements)
      case .uint8:
        try file.withBytes(of: name) {
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[part.elements]))
        }
      }
    }
  }
}
