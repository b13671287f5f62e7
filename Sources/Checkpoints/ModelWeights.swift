// The weights of a model folder, by parameter.
import Base
import Models
import Tensors

/// Reads parameters from the tensors of a model folder.
package struct FolderWeights: WeightReader {
  private let files: HuggingFaceWeights
  /// By parameter of the layout; nil for what a method has added, and for what the folder lacks of a head.
  private let names: [String?]
  private let head: (any WeightReader)?

  /// - Parameter head: gives what the folder lacks of a head that is trained; without it that is missing.
  /// - Throws: as `HuggingFaceWeights.init` and `sources`.
  package init(
    folder: String, _ description: ModelDescription, layout: ParameterLayout, head: (any WeightReader)? = nil
  ) throws {
    self.head = head
    files = try HuggingFaceWeights(folder: folder)
    let sources = try files.sources(
      description, layout: layout, mayLack: { $0.isHead && $0.trains && head != nil })
    var names = [String?](repeating: nil, count: layout.parameters.count)
    for (name, parameter) in sources {
      if let index = layout.index(of: parameter.spec.name) { names[index] = name }
    }
    self.names = names
  }

  package func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let name = names[parameter] else {
      guard let head else { preconditionFailure("a method's own parameters lie elsewhere") }
      return try head.read(parameter, elements, into: target)
    }
    try files.read(name, into: target, range: elements)
  }

  package func halves(of parameter: Int) -> MappedHalves? { names[parameter].flatMap(files.halves) }
}

extension ModelDescription {
  /// The parameters of the model that a folder holds as bfloat16, and that are frozen as they lie there.
  package func inHalves(in folder: String) -> Set<String> {
    let layout = layout
    guard layout.trainedCount < layout.count, let files = try? HuggingFaceWeights(folder: folder),
      let sources = try? files.sources(self, layout: layout, mayLack: \.isHead)
    else { return [] }
    // A method may take the weight apart.
    let derived = Set(
      layout.parameters.compactMap { parameter -> String? in
        if case .factor(let source) = parameter.spec.initial { source } else { nil }
      })
    return Set(
      sources.filter { files.halves(of: $0.name) != nil && !derived.contains($0.parameter.spec.name) }
        .map(\.parameter.spec.name))
  }
}

extension ModelDescription {
  /// - Throws: where a parameter of the model that is trained lies packed in its folder: a step would move it off the few
  ///   numbers that it can be there.
  package func checkTrainsNothingPacked(in folder: String) throws {
    let files = try HuggingFaceWeights(folder: folder)
    for spec in parameters where spec.trains && !spec.isAdded {
      guard let name = names(of: spec.name).first(where: files.contains),
        let bits = files.packedBits(of: name)
      else { continue }
      throw UserError(
        .usage, "has \(bits) bits for each number, which cannot be trained", at: "\(folder): \(name)",
        hint: "train an adapter on it (method: {name: lora}), or the model that it was made of")
    }
  }
}

extension HuggingFaceWeights {
  /// The tensor of every parameter, in the order of the layout.
  ///
  /// Names may lack the prefix of the bare model. Tensors that nothing uses are refused, except constants that old
  /// checkpoints hold and a copy of a tied weight.
  /// - Parameter mayLack: which parameters may be missing, or of the shape of another head.
  /// - Throws: every missing, superfluous or wrongly shaped tensor at once.
  package func sources(
    _ description: ModelDescription, layout: ParameterLayout,
    mayLack: (ParameterSpec) -> Bool = { _ in false }
  ) throws -> [(name: String, parameter: ParameterLayout.Parameter)] {
    let problems = Problems()
    var used: Set<String> = []
    var sources: [(name: String, parameter: ParameterLayout.Parameter)] = []
    var missing: [String] = []
    for parameter in layout.parameters where !parameter.spec.isAdded || contains(parameter.spec.name) {
      let spec = parameter.spec
      guard let name = description.names(of: spec.name).first(where: contains) else {
        if !mayLack(spec) { missing.append(spec.name) }
        continue
      }
      used.insert(name)
      if let found = shape(of: name), found != spec.shape {
        if mayLack(spec), description.hasNewHead { continue }
        problems.add(
          .data, "has the shape \(found), but config.json makes it \(spec.shape)", at: "\(folder): \(name)")
      }
      sources.append((name, parameter))
    }
    if !missing.isEmpty {
      problems.add(
        .data, "\(subject(missing, "tensor")) missing", at: folder,
        hint: "is config.json of the same model?")
    }
    let extra = names.filter { !used.contains($0) && !description.ignores($0) }
    if !extra.isEmpty {
      problems.add(
        .data, "\(subject(extra, "tensor")) of no use to a model of type \(description.typeName)",
        at: folder, hint: "is config.json of the same model?")
    }
    try problems.throwIfAny()
    return sources
  }
}

/// "3 tensors (a, b, …) are" or "the tensor a is".
private func subject(_ names: [String], _ noun: String) -> String {
  if names.count == 1 { return "the \(noun) \(names[0]) is" }
  return
    "\(names.count) \(noun)s (\(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : "")) are"
}
