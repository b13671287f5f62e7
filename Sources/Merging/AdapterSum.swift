// Several adapters of LoRA on one base as one: side by side, or decomposed again to a lower rank. As PEFT's
// add_weighted_adapter, with combination_type cat and svd: Σ w s B A, with the scale s that an adapter has for a module.
import Adapters
import Base
import Checkpoints
import Foundation
import Graph
import Kernels
import Models
import Tensors

package struct AdapterSum {
  package struct Outcome: Sendable {
    package let modules: Int
    package let rank: Int
    /// The squares of what is left, as a share of those of the sum: the mean over modules, and the least.
    package let kept: Double
    package let least: Double
  }

  /// One adapter.
  private struct Source {
    let file: SafetensorsFile
    let config: JSON
    let weight: Double
    /// By module, as the file names it.
    let scales: [String: Double]
    /// The largest rank of a module.
    let rank: Int
  }

  private static let (first, second) = (".lora_A.weight", ".lora_B.weight")
  private static let weightsName = "adapter_model.safetensors"
  private static let prefix = "base_model.model."

  private let sources: [Source]
  private let folder: DirectoryPublish
  private let engine: Engine
  private let rank: Int?
  /// In the order of their names.
  private let modules: [String]

  /// - Parameters:
  ///   - weights: of each adapter.
  ///   - rank: of what is written; nil for that of all adapters together.
  /// - Throws: everything that is wrong with the folders, before anything is written.
  package init(
    base: String, adapters: [String], weights: [Double], rank: Int?, output: String, threads: Int
  ) throws {
    precondition(adapters.count == weights.count, "a weight for each adapter")
    let problems = Problems()
    if access(output, F_OK) == 0 {
      problems.add(.usage, "exists already", at: output, hint: "set --output to a new folder")
    }
    let sources = zip(adapters, weights).compactMap { folder, weight in
      problems.collect { try Self.source(folder, base: base, weight: weight) }
    }
    try problems.throwIfAny()
    self.sources = sources
    self.rank = rank
    folder = DirectoryPublish(output)
    engine = try Engine(threads: threads)
    modules = Set(sources.flatMap { $0.scales.keys }).sorted()
    for module in modules {
      let shapes = Set(sources.compactMap { Self.shape($0, module) })
      if shapes.count > 1 {
        problems.add(.data, "has another shape in each adapter", at: module, hint: "sum adapters of one base")
      }
    }
    try problems.throwIfAny()
  }

  private static func source(_ folder: String, base: String, weight: Double) throws -> Source {
    try AdapterWeights.checkBase(of: folder, is: base)
    let place = folder + "/adapter_config.json"
    let config = try OpenFile.json(place)
    guard let method = try adapterMethod(in: folder) as? LoRA, !method.dora, method.start != .pissa else {
      throw UserError(
        .usage, "is no adapter of plain LoRA, which alone can be summed", at: folder,
        hint: "merge others into their base one by one")
    }
    let description = try ModelDescription.stored(in: base, adapter: folder)
    let file = try SafetensorsFile(folder + "/" + weightsName)
    var scales: [String: Double] = [:]
    var rank = 0
    for name in file.names {
      guard name.hasPrefix(prefix), name.hasSuffix(first) || name.hasSuffix(second) else {
        throw UserError(
          .usage, "is trained beside low-rank terms, and cannot be summed", at: "\(folder): \(name)",
          hint: "merge the adapter into its base")
      }
      guard name.hasSuffix(first) else { continue }
      let module = String(name.dropLast(first.count))
      guard let a = file.entry(name)?.shape, let b = file.entry(module + second)?.shape, a.count == 2,
        b.count == 2, a[0] == b[1], a[0] > 0
      else { throw UserError(.data, "has no A and B of one rank", at: "\(folder): \(module)") }
      let own = String(module.dropFirst(prefix.count))
      guard let term = description.adaptation.lowRank(at: own, inputs: a[1], outputs: b[0]) else {
        throw UserError(.data, "is no module of the base", at: "\(folder): \(module)")
      }
      scales[module] = Double(term.scale)
      rank = max(rank, a[0])
    }
    guard rank > 0 else { throw UserError(.data, "has no low-rank terms", at: folder) }
    return Source(file: file, config: config, weight: weight, scales: scales, rank: rank)
  }

  private static func shape(_ source: Source, _ module: String) -> [Int]? {
    guard let a = source.file.entry(module + first)?.shape, let b = source.file.entry(module + second)?.shape
    else { return nil }
    return [a[1], b[0]]
  }

  /// Writes the folder of the sum.
  package func run() throws -> Outcome {
    let whole = sources.reduce(0) { $0 + $1.rank }
    let rank = rank ?? whole
    let shapes = modules.map { module in sources.lazy.compactMap { Self.shape($0, module) }.first ?? [0, 0] }
    let tensors = zip(modules, shapes).flatMap { module, shape in
      [
        (name: module + Self.first, shape: [rank, shape[0]]),
        (name: module + Self.second, shape: [shape[1], rank]),
      ]
    }
    let plan = try SafetensorsPlan(
      tensors: tensors, type: .f32, maximumShardBytes: .max, stem: "adapter_model")
    try folder.begin()
    do {
      let writer = SafetensorsWriter(plan, in: folder.staging)
      try writer.create()
      var shares: [Double] = []
      for (module, shape) in zip(modules, shapes) {
        let side = try sideBySide(module, inputs: shape[0], outputs: shape[1], rank: whole)
        let (a, b, share) =
          rank == whole ? (side.a, side.b, 1) : try decomposed(side, module, shape, whole: whole, to: rank)
        shares.append(share)
        for (name, memory) in [(module + Self.first, a), (module + Self.second, b)] {
          try writer.write(
            name: name, elementRange: 0..<memory.count,
            from: UnsafeBufferPointer(start: memory.base, count: memory.count))
        }
      }
      try writer.finish()
      let config = config(rank: rank).encoded(indented: true) + "\n"
      try Data(config.utf8).write(to: URL(fileURLWithPath: folder.staging + "/adapter_config.json"))
      try folder.publish()
      return Outcome(
        modules: modules.count, rank: rank, kept: shares.reduce(0, +) / Double(max(shares.count, 1)),
        least: shares.min() ?? 1)
    } catch {
      try? folder.abandon()
      throw error
    }
  }

  /// A [rank, inputs] and B [outputs, rank] of all adapters; zeros where an adapter lacks the module, or has a lower rank.
  private func sideBySide(
    _ module: String, inputs: Int, outputs: Int, rank: Int
  ) throws -> (a: FlatMemory, b: FlatMemory) {
    let a = FlatMemory(count: rank * inputs, label: "adapters")
    let b = FlatMemory(count: outputs * rank, label: "adapters")
    var start = 0
    for source in sources {
      defer { start += source.rank }
      guard let scale = source.scales[module], let own = source.file.entry(module + Self.first)?.shape[0]
      else {
        continue
      }
      let rows = UnsafeMutableBufferPointer(start: a.base + start * inputs, count: own * inputs)
      try source.file.read(module + Self.first, into: rows, range: 0..<own * inputs)
      let factor = Float(source.weight * scale)
      for index in rows.indices { rows[index] *= factor }
      let columns = FlatMemory(count: outputs * own, label: "adapters")
      try source.file.read(
        module + Self.second, into: UnsafeMutableBufferPointer(start: columns.base, count: outputs * own),
        range: 0..<outputs * own)
      for row in 0..<outputs {
        (b.base + row * rank + start).update(from: columns.base + row * own, count: own)
      }
    }
    guard (0..<a.count).allSatisfy({ a.base[$0].isFinite }), (0..<b.count).allSatisfy({ b.base[$0].isFinite })
    else { throw UserError(.data, "holds numbers that are not finite", at: module) }
    return (a, b)
  }

  /// B = U diag(S) and A = V of the largest singular values.
  private func decomposed(
    _ side: (a: FlatMemory, b: FlatMemory), _ module: String, _ shape: [Int], whole: Int, to rank: Int
  ) throws -> (a: FlatMemory, b: FlatMemory, share: Double) {
    let (inputs, outputs) = (shape[0], shape[1])
    let sum = FlatMemory(count: outputs * inputs, label: "adapters")
    engine.multiply(
      ConstMatrix(side.b.base, rows: outputs, columns: whole),
      ConstMatrix(side.a.base, rows: whole, columns: inputs),
      into: MutableMatrix(sum.base, rows: outputs, columns: inputs))
    let parts = try SingularValues(
      of: sum.base, rows: outputs, columns: inputs, name: module, by: engine.blas)
    let (count, kept) = (min(inputs, outputs), min(rank, inputs, outputs))
    let a = FlatMemory(count: rank * inputs, label: "adapters")
    let b = FlatMemory(count: outputs * rank, label: "adapters")
    a.base.update(from: parts.right.base, count: kept * inputs)
    for row in 0..<outputs {
      for place in 0..<kept {
        b.base[row * rank + place] = parts.left.base[row * count + place] * parts.values.base[place]
      }
    }
    let squares = (0..<count).map { Double(parts.values.base[$0]) * Double(parts.values.base[$0]) }
    let all = squares.reduce(0, +)
    return (a, b, all > 0 ? squares.prefix(kept).reduce(0, +) / all : 1)
  }

  /// adapter_config.json of the first adapter, with all modules by their names, and a scale of 1.
  private func config(rank: Int) -> JSON {
    let names = modules.map { JSON.string(String($0.dropFirst(Self.prefix.count))) }
    let settings: [(String, JSON)] = [
      ("r", .integer(rank)), ("lora_alpha", .integer(rank)), ("rank_pattern", .object([JSON.Member]())),
      ("alpha_pattern", .object([JSON.Member]())), ("use_rslora", .bool(false)),
      ("target_modules", .array(names)), ("exclude_modules", .null), ("layers_to_transform", .null),
      ("layers_pattern", .null), ("init_lora_weights", .bool(true)), ("modules_to_save", .null),
    ]
    let keys = Set(settings.map(\.0))
    let others = (sources[0].config.members ?? []).filter {
      !keys.contains(String(decoding: $0.key, as: UTF8.self))
    }
    return .object(others + settings.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }
}
