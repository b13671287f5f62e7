// The weights of a model folder, into the flat line.
import Base
import Models
import Synchronization
import Tensors

extension HuggingFaceWeights {
  /// Numbers that a thread reads at a time: 4 MB of fp32.
  private static let pieceCount = 1 << 20

  /// Reads every parameter into its place of the line.
  /// - Parameter forEachTile: runs numbered tiles of work, on several threads where there are some: pages of
  ///   the file and of the line are then found and filled at several places at once.
  /// - Throws: as `sources`, and the first parameter's error that cannot be read.
  package func load(
    _ description: ModelDescription, layout: ParameterLayout, into weights: UnsafeMutablePointer<Float>,
    forEachTile: (_ tiles: Int, _ body: (_ tile: Int) -> Void) -> Void
  ) throws {
    var pieces: [(name: String, range: Range<Int>, start: Int)] = []
    for (name, parameter) in try sources(description, layout: layout) {
      let count = parameter.range.count
      for start in stride(from: 0, to: count, by: Self.pieceCount) {
        let range = start..<min(start + Self.pieceCount, count)
        pieces.append((name, range, parameter.range.lowerBound + start))
      }
    }
    let failure = Mutex<(piece: Int, error: any Error)?>(nil)
    forEachTile(pieces.count) { index in
      let (name, range, start) = pieces[index]
      do {
        try read(
          name, into: UnsafeMutableBufferPointer(start: weights + start, count: range.count), range: range)
      } catch {
        failure.withLock { if index < $0?.piece ?? .max { $0 = (index, error) } }
      }
    }
    if let error = failure.withLock({ $0?.error }) { throw error }
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
