// The optimizer's states in a checkpoint: one set of files for each, under the names of the parameters.
import Base
import Optimizers
import Sharding
import Tensors

extension OptimizerState {
  var storedType: StoredType { element == .float32 ? .f32 : .u8 }
}

extension ParameterLayout {
  /// The state's shape for a parameter; nil where it has none.
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
  /// - Throws: `UserErrors` with every parameter whose state is missing, or of another type or shape.
  func check(_ state: OptimizerState, layout: ParameterLayout) throws {
    let problems = Problems()
    for parameter in layout.parameters {
      guard let expected = layout.shape(of: state, parameter) else { continue }
      let name = parameter.spec.name
      guard let shape = shape(of: name) else {
        problems.add(
          .data, "has no \(state.name) of \(name)", at: folder, hint: "is it of another model?")
        continue
      }
      if shape != expected {
        problems.add(
          .data, "\(state.name) of \(name) has the shape \(shape), not \(expected)", at: folder,
          hint: "is it of another model?")
      }
      if let type = type(of: name), type != state.storedType, !(type.isFloat && state.storedType.isFloat) {
        problems.add(
          .data, "\(state.name) of \(name) is \(type.rawValue), not \(state.storedType.rawValue)",
          at: folder)
      }
    }
    try problems.throwIfAny()
  }
}

extension ShardedState {
  func write(_ layout: ParameterLayout, to writer: SafetensorsWriter) throws {
    for part in parts where part.isWritten {
      try writer.write(
        name: layout.parameters[part.parameter].spec.name, from: part.elements.lowerBound,
        bytes: UnsafeRawBufferPointer(bytes(of: part)))
    }
  }

  func read(_ layout: ParameterLayout, from file: HuggingFaceWeights) throws {
    for part in parts {
      let name = layout.parameters[part.parameter].spec.name
      let target = bytes(of: part)
      switch declaration.element {
      case .float32:
        try file.read(name, into: target.assumingMemoryBound(to: Float.self), range: part.elements)
      case .uint8:
        file.withBytes(of: name) {
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[part.elements]))
        }
      }
    }
  }
}
