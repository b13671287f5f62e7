// swiftdp bench memory
import ArgumentParser
import Base
import Collectives
import Foundation
import Graph
import Kernels
import Models
import Optimizers
import Planning
import Sharding
import Tensors
import Training

struct BenchMemory: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "memory",
    abstract: "What ranks have resident at each ZeRO stage, beside what swiftdp plan predicts.",
    discussion: """
      A rank's peak RSS without activations, exchange, base and what it sees of its neighbours (their parts of
      shared weights, libraries and MPI's buffers) is set beside the formula in bytes a parameter. PSS counts a page that n processes share as 1/n in each, so that
      the sum over ranks is what the host gives. Example: mpirun -np 4 swiftdp bench memory --layers 4
      """)

  @Option(help: "gpt2-124m, llama-134m, llama-1m or qwen3-134m.")
  var shape = BenchShape.gpt2
  @Option(help: "Layers of that shape; it has 12.")
  var layers = 4
  @Option(help: "A folder with the config.json of a model to take instead.", transform: Launch.path)
  var model: String?
  @Option(help: "float32 or bfloat16; both by default.")
  var dtype: ElementType?
  @Option(help: "0, 1, 2 or 3; all by default.")
  var zero: Int?
  @Flag(inversion: .prefixedNo, help: "One copy of the weights for the ranks of a host.")
  var share = true
  @Option(help: "none, attention or layer: what is computed again in backward.")
  var recompute = Recompute.none
  @Option(help: "Sequences of each rank and step.")
  var batchSize = 1
  @Option(help: "Tokens of a sequence.")
  var length = 64
  @Option(help: "Steps before memory is measured.")
  var steps = 2
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?
  @Flag(help: "One JSON object instead of words.")
  var json = false

  func validate() throws {
    guard shape.isLanguageModel else {
      throw ValidationError("--shape must be a language model, such as gpt2-124m")
    }
    guard zero == nil || zero.flatMap(ZeroStage.init(rawValue:)) != nil else {
      throw ValidationError("--zero must be 0, 1, 2 or 3")
    }
    guard (1...1000).contains(layers) else { throw ValidationError("--layers must be from 1 to 1000") }
    guard (1...1 << 12).contains(batchSize), steps > 0, (threads ?? 1) > 0 else {
      throw ValidationError("--batch-size, --steps and --threads must be at least 1")
    }
    guard (2...1 << 16).contains(length) else { throw ValidationError("--length must be from 2 to 65536") }
  }

  func run() throws {
    try onRanks { ranks in
      let threads = Launch.threads(ranks, asked: threads)
      let engine = try ranks.together { try Engine(threads: threads) }
      let description = try ranks.together {
        if let model { return try ModelDescription(folder: model) }
        return try ModelDescription(
          config: shape.config(length: length, layers: layers), file: shape.rawValue)
      }
      let tokens = min(length, description.family.maximumLength)
      var rows: [MemoryRow] = []
      for type in dtype.map({ [$0] }) ?? ElementType.allCases {
        for stage in ZeroStage.allCases where zero ?? stage.rawValue == stage.rawValue {
          let shape = RunShape(
            batch: BatchShape(sequences: batchSize, length: tokens), type: type, rule: AdamW(),
            recompute: recompute, stage: stage, sharesWeights: share)
          rows.append(try measure(description, shape, engine, ranks))
        }
      }
      guard ranks.isFirst else { return }
      let table = MemoryTable(
        model: model ?? "\(self.shape.rawValue), \(counted(layers, "layer"))",
        parameters: ParameterLayout(specs: description.parameters).count,
        batch: BatchShape(sequences: batchSize, length: length), ranks: ranks.count, hosts: ranks.hosts,
        threads: threads, rows: rows)
      print(json ? table.json.encoded() : table.text)
    }
  }

  /// Trains a few steps, and reads how much memory is resident at the end and was at most. All of it is freed.
  /// Collective.
  private func measure(
    _ description: ModelDescription, _ shape: RunShape, _ engine: Engine, _ ranks: Ranks
  ) throws -> MemoryRow {
    let name = model ?? self.shape.rawValue
    let estimate = try ranks.together {
      let check = try MemoryCheck(
        description, folder: name, shape,
        Placement(ranks: ranks.count, ranksPerHost: ranks.localCount, threads: engine.pool.threads),
        rank: ranks.rank)
      try check.check(folder: name, memory: usableMemory)
      try ProcessMemory.forgetPeak()
      return check.estimate
    }
    let training = try BenchTraining(
      description, shape, engine: engine, ranks: ranks, ledger: MemoryLedger())
    for number in 1...steps { _ = try training.step(number) }
    // No rank frees memory before all ranks have read the figures.
    ranks.barrier()
    let resident = try ranks.together { try ProcessMemory() }
    let own = [resident.peak, resident.pss, estimate.bytes, estimate.modelBytes].map(Double.init)
    let all = ranks.gather(own)
    return withExtendedLifetime(training) {
      MemoryRow(
        shape: shape, estimate: estimate,
        ranks: ranks.hostOf.indices.filter { ranks.hostOf[$0] == ranks.hostOf[0] }.map {
          MemoryRow.Rank(peak: all[$0][0], pss: all[$0][1], predicted: all[$0][2], model: all[$0][3])
        })
    }
  }
}
