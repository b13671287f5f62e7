// What a checkpoint or model folder holds, and whether it is whole.
import Adapters
import Base
import Foundation
import Graph
import Models
import Optimizers
import Tensors

package struct CheckpointSummary {
  package let folder: String
  package let description: ModelDescription
  /// Of what lies in the folder.
  package let layout: ParameterLayout
  private let form: WeightsForm
  /// nil for a model that is no checkpoint.
  package let state: TrainingState?
  package let weights: HuggingFaceWeights
  /// The optimizer's states, and their tensors.
  package let states: [(declaration: OptimizerState, tensors: HuggingFaceWeights)]
  /// nil if another program wrote the folder, or if it is older than manifests.
  package let manifest: Manifest?

  /// Opens everything; headers are checked, numbers are not read.
  /// - Throws: what is wrong, all at once.
  package init(folder: String) throws {
    let problems = Problems()
    self.folder = folder
    let isCheckpoint = access(folder + "/" + TrainingState.fileName, F_OK) == 0
    state = isCheckpoint ? problems.collect { try TrainingState(folder: folder) } : nil
    let isExpected = state?.hasManifest ?? false || Manifest.isIn(folder)
    manifest = isExpected ? problems.collect { try Manifest(folder: folder) } : nil
    let isAdapter = AdapterWeights.isIn(folder)
    form = isAdapter ? try .adapter(in: folder) : .model
    let weights = problems.collect { [form] in try form.open(folder) }
    description = try isAdapter ? Self.adapted(folder, state) : ModelDescription.stored(in: folder)
    layout = Self.layout(description, isPart: state?.isOfPart ?? false, weights)
    let declarations = state.flatMap { state in problems.collect { try state.states(folder: folder) } } ?? []
    let states = declarations.compactMap { declaration in
      problems.collect {
        (declaration: declaration, tensors: try HuggingFaceWeights(folder: folder, stem: declaration.name))
      }
    }
    try problems.throwIfAny()
    guard let weights else { preconditionFailure("an error was collected") }
    self.weights = weights
    self.states = states
  }

  /// The name of the tensor that holds a parameter.
  package func tensor(of parameter: String) -> String { form.tensor(of: parameter) }

  /// The base of an adapter, with what the adapter adds.
  private static func adapted(_ folder: String, _ state: TrainingState?) throws -> ModelDescription {
    let base = try ModelDescription(folder: folder)
    let method = try adapterMethod(in: folder)
    // A checkpoint holds an encoder; what a run leaves, only the result.
    guard var lora = method as? LoRA else {
      return try base.adapted(by: state == nil ? method.asRead : method)
    }
    // An adapter does not say whether A is trained, and has states.
    lora.fa = state?.conditions.first { $0.key.elementsEqual("method".utf8) }?.value["fa"]?.bool ?? false
    return try base.adapted(by: lora)
  }

  /// - Parameter isPart: whether a method trains a part of the model, which alone lies here.
  private static func layout(
    _ description: ModelDescription, isPart: Bool, _ weights: HuggingFaceWeights?
  ) -> ParameterLayout {
    let layout = description.layout
    let others = weights.map(otherParts) ?? []
    guard isPart, layout.trainedCount == layout.count, let weights else {
      return ParameterLayout(specs: description.parameters.filter(\.isOfAdapter) + others)
    }
    return ParameterLayout(specs: description.parameters.filter { weights.contains($0.name) } + others)
  }

  /// Of a run with several tasks or adapters: config.json tells the first head only, and of adapters nothing.
  private static func otherParts(_ weights: HuggingFaceWeights) -> [ParameterSpec] {
    func isHead(_ name: String) -> Bool { name.hasPrefix(TaskHead.prefix) }
    return weights.names.filter { isHead($0) || AdapterMember.parts(of: $0) != nil }.map {
      ParameterSpec(
        name: $0, shape: weights.shape(of: $0) ?? [], decays: false, initial: .zeros, isAdded: !isHead($0),
        isHead: isHead($0))
    }
  }

  /// How many numbers weights and states have.
  package var numbers: Int {
    states.reduce(layout.count) { sum, state in
      layout.trained.parameters.reduce(sum) {
        $0 + (layout.trained.shape(of: state.declaration, $1)?.reduce(1, *) ?? 0)
      }
    }
  }

  package func lines(listingTensors: Bool) -> [String] {
    let types = Set(weights.names.compactMap { weights.type(of: $0)?.rawValue }).sorted()
    var lines = [
      "folder      \(folder)",
      "model       \(description.typeName), \(layout.count) parameters in \(weights.names.count) tensors, "
        + types.joined(separator: " and "),
    ]
    if let state {
      lines.append("format      \(state.version)")
      lines.append("step        \(state.step)")
      let names = states.map(\.declaration.name).joined(separator: ", ")
      lines.append("optimizer   \(states.isEmpty ? "no states" : names)")
      for condition in state.conditions {
        let name = String(decoding: condition.key, as: UTF8.self)
        lines.append("condition   \(name) = \(condition.value.encoded())")
      }
    }
    lines.append("manifest    \(manifestWords)")
    lines += description.notes.map { "note        \($0)" }
    guard listingTensors else { return lines }
    for name in weights.names {
      let shape = weights.shape(of: name) ?? []
      lines.append("tensor      \(name) \(shape) \(weights.type(of: name)?.rawValue ?? "")")
    }
    return lines
  }

  private var manifestWords: String {
    if let manifest {
      return "format \(Manifest.formatVersion), \(manifest.files.count) files, \(manifest.bytes) bytes, "
        + "CRC-32C"
    }
    return state == nil ? "none: not written by swiftdp" : "none: from before there were checksums"
  }

  /// Reads every file that the manifest names, and every number of weights and states.
  /// - Returns: how many numbers.
  /// - Throws: every file that is not as it was written, and every tensor that is missing, of another shape, or
  ///   not finite.
  package func verify() throws -> Int {
    let problems = Problems()
    var count = 0
    problems.collect { try manifest?.check(folder) }
    let sources = problems.collect { () -> [(name: String, parameter: ParameterLayout.Parameter)] in
      guard case .adapter = form else { return try weights.sources(description, layout: layout) }
      _ = try AdapterWeights(folder: folder, description, layout: layout)
      return layout.parameters.map { (form.tensor(of: $0.spec.name), $0) }
    }
    for (name, parameter) in sources ?? [] {
      let spec = parameter.spec
      check(spec.name, name, of: weights, count: spec.count)
    }
    for (declaration, tensors) in states {
      problems.collect { try tensors.check(declaration, layout: layout.trained) }
      for parameter in layout.trained.parameters {
        let name = parameter.spec.name
        guard let shape = layout.trained.shape(of: declaration, parameter), shape == tensors.shape(of: name)
        else {
          continue
        }
        let elements = shape.reduce(1, *)
        switch declaration.element {
        case .float32: check("\(declaration.name) of \(name)", name, of: tensors, count: elements)
        // Every byte is a valid code.
        case .uint8: count += elements
        }
      }
    }
    try problems.throwIfAny()
    return count

    func check(_ label: String, _ name: String, of tensors: HuggingFaceWeights, count elements: Int) {
      guard let values = problems.collect({ try tensors.floats(name, count: elements) }) else { return }
      count += elements
      let bad = values.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
      guard bad > 0 else { return }
      problems.add(
        .data, "\(bad) of \(elements) numbers are not finite", at: "\(folder): \(label)")
    }
  }
}

extension HuggingFaceWeights {
  /// A whole tensor.
  package func floats(_ name: String, count: Int) throws -> [Float] {
    var values = [Float](repeating: 0, count: count)
    try values.withUnsafeMutableBufferPointer { try read(name, into: $0, range: 0..<count) }
    return values
  }
}
