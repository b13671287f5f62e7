// The weights of a model folder, into the flat line.
import Base
import Models
import Tensors

extension HuggingFaceWeights {
  /// Reads every parameter into its place of the line.
  /// - Parameter read: sees every part in fp32, before it is rounded to the type of the line.
  /// - Throws: as `sources`.
  package func load(
    _ description: ModelDescription, layout: ParameterLayout, into weights: WeightLine,
    read seen: (_ part: Range<Int>, UnsafePointer<Float>) -> Void = { _, _ in }
  ) throws {
    for (name, parameter) in try sources(description, layout: layout) {
      let start = parameter.range.lowerBound
      try weights.fill(
        parameter.range,
        make: { part, target in
          try read(name, into: target, range: part.lowerBound - start..<part.upperBound - start)
        }, made: seen)
    }
    weights.refreshVectors()
  }

  /// The tensor of every parameter.
  ///
  /// Names may lack the prefix of the bare model. Tensors that nothing uses are refused, but for constants
  /// that old checkpoints hold and a copy of a tied weight.
  /// - Throws: every missing, superfluous or wrongly shaped tensor at once.
  package func sources(
    _ description: ModelDescription, layout: ParameterLayout
  ) throws -> [(name: String, parameter: ParameterLayout.Parameter)] {
    let problems = Problems()
    var used: Set<String> = []
    var sources: [(name: String, parameter: ParameterLayout.Parameter)] = []
    var missing: [String] = []
    for parameter in layout.parameters {
      let spec = parameter.spec
      guard let name = description.names(of: spec.name).first(where: contains) else {
        missing.append(spec.name)
        continue
      }
      used.insert(name)
      if let found = shape(of: name), found != spec.shape {
        problems.add(
          .data, "has the shape \(found), but config.json makes it \(spec.shape)", at: "\(folder): \(name)")
      }
      sources.append((name, parameter))
    }
    if !missing.isEmpty {
      problems.add(
        .data, "\(counted(missing, "tensor")) missing", at: folder,
        hint: "is config.json of the same model?")
    }
    let extra = names.filter { !used.contains($0) && !description.ignores($0) }
    if !extra.isEmpty {
      problems.add(
        .data, "\(counted(extra, "tensor")) of no use to a model of type \(description.typeName)",
        at: folder, hint: "is config.json of the same model?")
    }
    try problems.throwIfAny()
    return sources
  }
}

/// "3 tensors (a, b, …) are" or "the tensor a is".
private func counted(_ names: [String], _ noun: String) -> String {
  if names.count == 1 { return "the \(noun) \(names[0]) is" }
  return
    "\(names.count) \(noun)s (\(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : "")) are"
}
