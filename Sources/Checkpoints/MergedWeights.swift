// A base with an adapter folded in, parameter by parameter: W + scale · B A, with the singular values of
// AdaLoRA, the magnitudes of DoRA, the vectors of IA3, and what was trained as a whole.
import Base
import Graph
import Kernels
import Models
import Tensors

/// Reads the parameters of a model that is merged from a base and an adapter. Sums are in fp32.
package struct MergedWeights: WeightReader {
  /// The merged model, which nothing is added to.
  package let description: ModelDescription
  private let layout: ParameterLayout
  private let adapted: ModelDescription
  private let adaptedLayout: ParameterLayout
  private let reader: AdaptedWeights
  /// What projections of the base are kept in; the merged weight is made of what they then are.
  private let storage: FrozenStorage
  private let engine: Engine

  /// - Parameters:
  ///   - description: of the base, adapted.
  ///   - storage: what the adapter was trained on: projections are rounded to it before anything is added.
  /// - Throws: what is wrong with the folders, or where the adapter is of another base.
  package init(
    _ description: ModelDescription, base: String, adapter: String, storage: FrozenStorage, engine: Engine
  ) throws {
    adapted = description
    adaptedLayout = description.layout
    self.description = description.adapted(by: NoFineTuning())
    layout = self.description.layout
    reader = try AdaptedWeights(
      description, base: base, adapter: adapter, storage: storage, engine: engine)
    self.storage = storage
    self.engine = engine
  }

  package func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let spec = layout.parameters[parameter].spec
    guard let index = adaptedLayout.index(of: spec.name) else {
      preconditionFailure("the merged model has other parameters")
    }
    // Scales and norms follow from whole rows or from the whole matrix.
    guard elements.count < spec.count else { return try readWhole(spec, index, into: target) }
    guard spec.isProjection || gain(of: spec) != nil else {
      return try reader.read(index, elements, into: target)
    }
    let room = FlatMemory(count: spec.count, label: "merging")
    try readWhole(spec, index, into: UnsafeMutableBufferPointer(start: room.base, count: spec.count))
    target.baseAddress?.update(from: room.base + elements.lowerBound, count: elements.count)
  }

  private func readWhole(
    _ spec: ParameterSpec, _ index: Int, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    try reader.read(index, 0..<spec.count, into: target)
    if let gain = gain(of: spec) { return try multiply(spec, gain, target) }
    guard spec.isProjection, !adaptedLayout.parameters[index].spec.trains, let w = target.baseAddress else {
      return
    }
    let (rows, columns) = (spec.shape[0], spec.shape[1])
    storage.round(w, rows: rows, columns: columns)
    let isTransposed = type(of: description.family).storesInputsFirst
    let (outputs, inputs) = isTransposed ? (columns, rows) : (rows, columns)
    let module = String(spec.name.dropLast(".weight".count))
    guard let term = adapted.adaptation.lowRank(at: module, inputs: inputs, outputs: outputs) else { return }
    let names = term.names(module)
    let a = try added(names.a)
    let b = try added(names.b)
    let values = try names.values.map(added)
    for place in 0..<b.count { b.base[place] *= term.scale * (values?.base[place % term.rank] ?? 1) }
    let bM = ConstMatrix(UnsafePointer(b.base), rows: outputs, columns: term.rank)
    let sum = MutableMatrix(w, rows: rows, columns: columns)
    if isTransposed {
      let turned = FlatMemory(count: a.count, label: "merging")
      for row in 0..<term.rank {
        for column in 0..<inputs { turned.base[column * term.rank + row] = a.base[row * inputs + column] }
      }
      let aM = ConstMatrix(UnsafePointer(turned.base), rows: inputs, columns: term.rank)
      engine.multiply(aM, bM, .second, into: sum, adding: true)
    } else {
      let aM = ConstMatrix(UnsafePointer(a.base), rows: term.rank, columns: inputs)
      engine.multiply(bM, aM, into: sum, adding: true)
    }
    guard term.hasMagnitude else { return }
    let m = try added(module + ".lora_magnitude_vector")
    for output in 0..<outputs {
      let (start, step) = isTransposed ? (output, columns) : (output * columns, 1)
      var squares = 0.0
      for input in 0..<inputs { squares += Double(w[start + input * step]) * Double(w[start + input * step]) }
      let factor = m.base[output] / Float(squares.squareRoot())
      for input in 0..<inputs { w[start + input * step] *= factor }
    }
  }

  /// What IA3 multiplies a projection or its bias by.
  private func gain(of spec: ParameterSpec) -> Gain? {
    guard let end = spec.name.lastIndex(of: ".") else { return nil }
    let gain = adapted.adaptation.gain(at: String(spec.name[..<end]))
    return spec.isProjection || spec.shape.count == 1 && gain == .outputs ? gain : nil
  }

  private func multiply(
    _ spec: ParameterSpec, _ gain: Gain, _ target: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let w = target.baseAddress, let end = spec.name.lastIndex(of: ".") else { return }
    let vector = try added(spec.name[..<end] + ".ia3_l")
    guard spec.shape.count > 1 else {
      for place in 0..<spec.count { w[place] *= vector.base[place] }
      return
    }
    let (rows, columns) = (spec.shape[0], spec.shape[1])
    storage.round(w, rows: rows, columns: columns)
    let isByRow = (gain == .outputs) != type(of: description.family).storesInputsFirst
    for row in 0..<rows {
      for column in 0..<columns { w[row * columns + column] *= vector.base[isByRow ? row : column] }
    }
  }

  /// A parameter that the adapter adds.
  private func added(_ name: String) throws -> FlatMemory {
    guard let index = adaptedLayout.index(of: name) else {
      preconditionFailure("the adaptation declares \(name)")
    }
    let count = adaptedLayout.parameters[index].range.count
    let memory = FlatMemory(count: count, label: "merging")
    try reader.read(index, 0..<count, into: UnsafeMutableBufferPointer(start: memory.base, count: count))
    return memory
  }
}
