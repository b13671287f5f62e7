// swiftdp bench checkpoint
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Foundation
import Kernels
import Models
import Optimizers
import Planning
import Sharding
import Tensors
import Training

struct BenchCheckpoint: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Writing and reading a checkpoint, against plain files of as many bytes.",
    discussion: """
      Weights and both moments of AdamW, by all ranks at once; nothing counts as written before fsync has
      returned. A run waits for the copy alone and writes it in the background. Before each reading, the system
      is asked to forget what it holds of the files in memory.
      Example: mpirun -np 4 swiftdp bench checkpoint --layers 12 --output /scratch
      """)

  @Option(help: "gpt2-124m, llama-134m, llama-1m or qwen3-134m.")
  var shape = BenchShape.gpt2
  @Option(help: "Layers of that shape; it has 12.")
  var layers = 2
  @Option(help: "A folder with the config.json of a model to take instead.", transform: Launch.path)
  var model: String?
  @Option(
    help: "A folder on the disk that is meant; what is written there is removed again.",
    transform: Launch.path)
  var output: String?
  @OptionGroup var options: BenchOptions

  func validate() throws {
    try check("--layers", layers, in: 1...1000)
  }

  func run() throws {
    try onRanks { ranks in
      let description = try ranks.together {
        if let model { return try ModelDescription(folder: model) }
        return try ModelDescription(config: shape.config(length: 1024, layers: layers), file: shape.rawValue)
      }
      try ranks.together { try description.checkFits(folder: model ?? shape.rawValue, copies: 3) }
      let session = try BenchSession(options, ranks)
      let scratch = try ScratchFolder(in: output, ranks)
      defer { scratch.remove() }
      let bench = try CheckpointBench(description, session, folder: scratch.path)
      try session.report(
        "checkpoint",
        notes: [
          "\(grouped(bench.parameters)) parameters, \(grouped(bench.bytes / 1_000_000)) MB, in \(scratch.path)"
        ],
        limits: { try bench.plain() }, rows: { try bench.rows() })
    }
  }
}

/// A folder for the bench only, the same on all ranks.
private struct ScratchFolder {
  let path: String
  private let isMine: Bool

  /// - Parameter parent: nil for the system's temporary folder.
  init(in parent: String?, _ ranks: Ranks) throws {
    isMine = ranks.isFirst
    try ranks.together {
      guard ranks.hosts == 1 || parent != nil else {
        throw UserError(
          .usage, "is needed where ranks run on several hosts", at: "--output",
          hint: "a folder that all of them see")
      }
    }
    let parent = parent ?? FileManager.default.temporaryDirectory.path
    path = ranks.broadcast("\(parent)/swiftdp-bench-\(getpid())")
    let path = path
    try ranks.together { if ranks.isFirst { try makeFolders(path) } }
  }

  func remove() {
    if isMine { try? FileManager.default.removeItem(atPath: path) }
  }
}

/// The memory of one rank, as a run has it, and the files that it is written to.
private final class CheckpointBench {
  private let session: BenchSession
  private let description: ModelDescription
  private let layout: ParameterLayout
  private let weights: WeightLine
  private let states: [ShardedState]
  private let content: CheckpointContent
  private let folder: String

  init(_ description: ModelDescription, _ session: BenchSession, folder: String) throws {
    self.session = session
    self.description = description
    self.folder = folder
    let ranks = session.ranks
    layout = ParameterLayout(specs: description.parameters)
    let map = ShardMap(layout: layout, stage: .optimizer, rank: ranks.rank, ranks: ranks.count)
    weights = WeightLine(layout, type: .float32)
    states = try ShardedOptimizer(map: map, rule: AdamW(), engine: session.engine, ledger: nil).states
    // Values differ, for disks that compress.
    var stream = PhiloxStream(seed: 0, stream: 0)
    for index in 0..<layout.count { weights.floats[index] = Float(stream.unit()) }
    content = CheckpointContent(
      description: description, companions: CompanionFiles(), map: map,
      store: WeightStore(weights), masters: nil,
      states: states, check: {})
  }

  var parameters: Int { layout.count }
  /// The bytes of weights and states.
  var bytes: Int { (layout.count + states.count * layout.trainedCount) * MemoryLayout<Float>.size }

  func rows() throws -> [BenchRow] {
    let ranks = session.ranks
    let path = folder + "/checkpoint"
    let sizes = [(name: "MB", value: bytes / 1_000_000)]
    let write = try session.seconds(
      prepare: { try remove(path) },
      { _ in
        try content.write(
          to: path, type: .f32, state: TrainingState(step: 1, conditions: [], fingerprint: []), ranks: ranks)
      })
    var pending: CheckpointWrite?
    var spare: FlatMemory?
    let copy = try session.seconds(
      prepare: {
        if ranks.isFirst { try pending?.abandon() }
        pending = nil
        ranks.barrier()
      },
      { _ in
        let write = try ranks.together {
          try CheckpointWrite(
            content, to: path + "-copied", type: .f32,
            state: TrainingState(step: 1, conditions: [], fingerprint: []))
        }
        try ranks.together { if ranks.isFirst { try write.begin() } }
        write.copy(room: .max, spare: spare, ledger: nil, on: session.engine.pool.runTiles)
        spare = write.memory
        pending = write
      })
    if ranks.isFirst { try pending?.abandon() }
    pending = nil
    let read = try session.seconds(
      prepare: { forgetPages(in: path) },
      { _ in
        try ranks.together {
          let reader = try FolderWeights(folder: path, description, layout: layout)
          try weights.fill(0..<layout.count, from: reader, on: session.engine.pool.runTiles)
          try content.readStates(from: path)
        }
      })
    try remove(path)
    return [
      BenchRow(name: "write", sizes: sizes, seconds: write, work: Double(bytes), limit: .plainWrite),
      BenchRow(
        name: "copy for a background write", sizes: sizes, seconds: copy, work: Double(bytes),
        limit: .plainWrite),
      BenchRow(name: "read", sizes: sizes, seconds: read, work: Double(bytes), limit: .plainRead),
    ]
  }

  /// One file per rank, with the same number of bytes in all, written and read from end to end.
  func plain() throws -> [(limit: BenchLimit, rate: Double)] {
    let ranks = session.ranks
    let plain = folder + "/plain"
    let file = plain + "/\(ranks.rank)"
    let share = bytes / ranks.count
    let write = try session.seconds(
      prepare: {
        try remove(plain)
        try ranks.together { if ranks.isFirst { try makeFolders(plain) } }
      },
      { _ in try ranks.together { try writePlainly(file, share) } })
    let read = try session.seconds(
      prepare: { forgetPages(in: plain) }, { _ in try ranks.together { try readPlainly(file) } })
    try remove(plain)
    let total = Double(share * ranks.count)
    return [(.plainWrite, total / write[0]), (.plainRead, total / read[0])]
  }

  private func remove(_ path: String) throws {
    try session.ranks.together { if session.ranks.isFirst { try removeTree(path) } }
  }

  /// Data on the disk need not stay in memory; each host has a memory of its own.
  private func forgetPages(in path: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      let descriptor = open(path + "/" + name, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
      close(descriptor)
    }
  }

  private static let piece = 8 << 20

  /// The memory of the weights, repeated until there are this many bytes.
  private func writePlainly(_ path: String, _ count: Int) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw UserError.disk("cannot be opened for writing", path) }
    defer { close(descriptor) }
    let memory = UnsafeRawBufferPointer(
      start: weights.floats, count: layout.count * MemoryLayout<Float>.size)
    var done = 0
    while done < count {
      let offset = done % memory.count
      let part = min(Self.piece, count - done, memory.count - offset)
      let written = Foundation.write(descriptor, memory.baseAddress! + offset, part)
      guard written > 0 else { throw UserError.disk("cannot be written", path) }
      done += written
    }
    guard fsync(descriptor) == 0 else { throw UserError.disk("cannot be forced onto the disk", path) }
  }

  private func readPlainly(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw UserError.disk("cannot be opened", path) }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: Self.piece, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
      let count = Foundation.read(descriptor, buffer, Self.piece)
      guard count >= 0 else { throw UserError.disk("cannot be read", path) }
      if count == 0 { return }
    }
  }
}
