// What an adapter folder of PEFT or AdapterHub holds, by parameter.
import Adapters
import Base
import Foundation
import Graph
import Kernels
import Models
import Tensors

package struct AdapterWeights: WeightReader {
  private let files: HuggingFaceWeights
  /// By parameter of the layout.
  private let names: [String]
  /// Tensors that repeat frozen parameters of the base: `adapters` saves the head that it does not train.
  private var copies: [(tensor: String, parameter: Int, count: Int)] = []

  /// - Parameters:
  ///   - description: of the base, adapted. It may have a copy of a tensor in the folder that is tied to it.
  ///   - layout: of all that the reader is asked for, of which the folder holds a part.
  /// - Throws: every missing, superfluous or wrongly shaped tensor at once.
  package init(folder: String, _ description: ModelDescription, layout: ParameterLayout) throws {
    let form = try WeightsForm.adapter(in: folder)
    let files = try form.open(folder)
    let problems = Problems()
    self.files = files
    names = layout.parameters.map { parameter in
      let name = form.tensor(of: parameter.spec.name)
      // AdapterHub's names are those of the class that was saved, which may be the bare model.
      guard form.hubName != nil, parameter.spec.isAdded, !files.contains(name) else { return name }
      return description.names(of: parameter.spec.name).map(form.tensor).first(where: files.contains) ?? name
    }
    for (name, parameter) in zip(names, layout.parameters) where parameter.spec.isOfAdapter {
      guard let shape = files.shape(of: name) else {
        let isResult = WeightsForm.isOfEncoder(name) && files.contains(Prompt.vectors)
        problems.add(
          .data, "has no tensor \(name.quoted)", at: folder,
          hint: isResult
            ? "what the encoder made is there: a checkpoint has it itself" : "is it of this base?")
        continue
      }
      if shape != parameter.spec.shape {
        problems.add(
          .data, "has the shape \(shape), but the base makes it \(parameter.spec.shape)",
          at: "\(folder): \(name)", hint: "is it of this base?")
      }
    }
    let known = Set(zip(names, layout.parameters).filter(\.1.spec.isOfAdapter).map(\.0))
    // Checkpoints hold an encoder and what it makes.
    let hasPrompt = known.contains(where: WeightsForm.isOfPrompt)
    for name in files.names where !known.contains(name) && !description.ignores(form.parameter(of: name)) {
      if hasPrompt, WeightsForm.isOfPrompt(name) { continue }
      // A term of AdaLoRA that has lost all of its ranks.
      if files.shape(of: name)?.contains(0) == true { continue }
      if form.hubName != nil, let index = layout.index(of: name), let shape = files.shape(of: name),
        shape == layout.parameters[index].spec.shape
      {
        copies.append((name, index, layout.parameters[index].range.count))
        continue
      }
      problems.add(.data, "the tensor \(name.quoted) has no place in this model", at: folder)
    }
    try problems.throwIfAny()
  }

  package func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    try files.read(names[parameter], into: target, range: elements)
  }

  /// - Throws: where a tensor that is frozen here has other numbers than the base.
  package func checkCopies(of base: any WeightReader) throws {
    for (name, parameter, count) in copies {
      var bases = [Float](repeating: 0, count: count)
      try bases.withUnsafeMutableBufferPointer { try base.read(parameter, 0..<count, into: $0) }
      guard try files.floats(name, count: count) != bases else { continue }
      throw UserError(
        .data, "differs from the base's, and trained projections onto the vocabulary are not supported",
        at: "\(files.folder): \(name)")
    }
  }
}

/// A base, and what is trained beside it from an adapter folder.
package struct AdaptedWeights: WeightReader {
  private let layout: ParameterLayout
  private let base: any WeightReader
  private let trained: AdapterWeights
  /// Whether the adapter stands on other weights than the base's, which follow from them.
  package let changesBase: Bool

  /// - Parameters:
  ///   - description: of the base, adapted.
  ///   - storage: what projections of the base are kept in.
  /// - Throws: what is wrong with the folders, or where the adapter is of another base.
  package init(
    _ description: ModelDescription, base: String, adapter: String, storage: FrozenStorage = .float32,
    engine: Engine
  ) throws {
    try AdapterWeights.checkBase(of: adapter, is: base)
    layout = description.layout
    let trained = try AdapterWeights(folder: adapter, description, layout: layout)
    self.trained = trained
    // A head that the base lacks is trained, and comes with the adapter.
    let folder = try FolderWeights(folder: base, description, layout: layout, head: trained)
    try trained.checkCopies(of: folder)
    let derived = DerivedWeights(
      description, layout: layout, base: folder, storage: storage, engine: engine)
    changesBase = derived != nil
    self.base = derived ?? folder
  }

  package func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    layout.parameters[parameter].spec.isOfAdapter
      ? try trained.read(parameter, elements, into: target)
      : try base.read(parameter, elements, into: target)
  }

  package func halves(of parameter: Int) -> MappedHalves? {
    layout.parameters[parameter].spec.isOfAdapter ? nil : base.halves(of: parameter)
  }
}

extension AdapterWeights {
  /// Whether a folder holds an adapter.
  package static func isIn(_ folder: String) -> Bool {
    access(folder + "/" + WeightsForm.adapterConfig, F_OK) == 0
  }

  /// The head that an adapter brings for its task; nil if it brings none, and the base's stays.
  /// - Throws: if the folder cannot be read, or holds less than its adapter_config.json says.
  package static func head(of folder: String, for base: ModelDescription) throws -> Head? {
    let config = try OpenFile.json(folder + "/" + WeightsForm.adapterConfig)
    let form = WeightsForm.adapter(config: config)
    let files = try form.open(folder)
    let hub = form.hubName == nil ? nil : try HubHead(folder: folder)
    let kind =
      files.metadata(WeightsForm.headKey).flatMap(Head.Kind.init)
      ?? config["task_type"]?.text.flatMap(Head.kind(ofTask:)) ?? hub?.kind
    func labels(of module: String) throws -> [String] {
      // A head of several layers ends with the projection onto its labels.
      let names = ["\(module).weight", "\(module).out_proj.weight"].map(form.tensor)
      guard let count = names.compactMap(files.shape).first?.first else {
        throw UserError(.data, "is for labels, and has no tensor \(names[0].quoted)", at: folder)
      }
      let labels = files.metadata(WeightsForm.labelsKey).flatMap { try? JSON.parse($0).elements }
      let known = labels?.compactMap(\.text) ?? hub?.labels ?? []
      return known.count == count ? known : Head.unnamedLabels(count)
    }
    let family = type(of: base.family)
    switch kind {
    case .labels:
      let meaning = files.metadata(WeightsForm.labelKindKey).flatMap(Head.LabelKind.init)
      let names = try labels(of: family.classifier)
      // transformers takes one label for a number.
      return .labels(names, meaning ?? (hub != nil && names.count == 1 ? .number : .one))
    case .tokenLabels: return .tokenLabels(try labels(of: family.tokenClassifier))
    case .spans: return .spans
    case .choices: return .choices
    case .maskedLanguageModel: return .maskedLanguageModel
    case .some(.none), .languageModel, nil: return nil
    }
  }

  /// - Throws: where the adapter says that it is of another base than this folder's.
  package static func checkBase(of folder: String, is base: String) throws {
    let files = try WeightsForm.adapter(in: folder).open(folder)
    guard let expected = files.metadata(WeightsForm.fingerprintKey) else { return }
    let found = try HuggingFaceWeights(folder: base).fingerprint()
    guard found != expected else { return }
    throw UserError(
      .data, "is an adapter for another base than \(base)", at: folder,
      hint: "its adapter_config.json names the model that it was trained on")
  }
}
