// Estimates of memory: formulas in bytes per parameter, what is really allocated, refusals, limits of control groups.
import Base
import Graph
import Kernels
import Models
import Optimizers
import Planning
import Sharding
import Tensors
import Testing
import Training

@Suite struct MemoryEstimateTests {
  private func gpt2(layers: Int = 2) throws -> ModelDescription {
    let config = """
      {"model_type": "gpt2", "n_embd": 256, "n_head": 4, "n_layer": \(layers), "n_positions": 128,
       "vocab_size": 4096}
      """
    return try ModelDescription(config: JSON.parse(config), file: "config.json")
  }

  private func shape(_ type: ElementType, _ stage: ZeroStage, shares: Bool? = nil) -> RunShape {
    RunShape(
      batch: BatchShape(sequences: 2, length: 32), type: type, rule: AdamW(), recompute: .none, stage: stage,
      sharesWeights: shares)
  }

  private func estimate(_ shape: RunShape, _ place: Placement) throws -> MemoryEstimate {
    let description = try gpt2()
    let layout = ParameterLayout(specs: description.parameters)
    return MemoryEstimate(
      ShardMap(layout: layout, stage: shape.stage, rank: 0, ranks: place.ranks),
      ProgramEstimate(description, layout: layout, shape, place), shape, place)
  }

  /// R ranks on each host, N in all: fp32 16, or 4/R + 12/N; bfloat16 18, or 2/R + 16/N; R = 1 if not shared.
  @Test(arguments: [1, 2, 8], [ElementType.float32, .bfloat16])
  func bytesOfAParameter(ranksPerHost: Int, type: ElementType) throws {
    let hosts = 2
    let place = Placement(ranks: hosts * ranksPerHost, ranksPerHost: ranksPerHost, threads: 1)
    let parameters = Double(ParameterLayout(specs: try gpt2().parameters).count)
    let (weights, rest) = type == .float32 ? (4.0, 12.0) : (2.0, 16.0)
    for stage in ZeroStage.allCases {
      for shares in stage == .replicas || stage == .weights ? [nil] : [nil, false] {
        let own = stage == .replicas || shares == false
        let expected =
          weights / Double(own ? 1 : ranksPerHost)
          + rest / Double(stage == .replicas ? 1 : place.ranks)
        let found = Double(try estimate(shape(type, stage, shares: shares), place).modelBytes) / parameters
        // Vectors are widened in bfloat16, and slices are whole grains.
        #expect(
          abs(found / expected - 1) <= 0.03, "\(stage) \(String(describing: shares)) \(found) \(expected)")
      }
    }
  }

  /// A base in four bits needs a quarter of what it needs in bfloat16.
  @Test func weightsThatFitAreNotRefused() throws {
    let description = try gpt2()
    let count = Double(ParameterLayout(specs: description.parameters).count)
    let cases: [(ElementType, FrozenStorage, FrozenStorage?, Double)] = [
      (.float32, .float32, nil, 4), (.bfloat16, .bfloat16, nil, 2), (.float32, .int8, nil, 1),
      (.bfloat16, .int8, nil, 1), (.bfloat16, .nf4(doubleQuantization: true), nil, 0.5),
      (.bfloat16, .bfloat16, .int8, 1),
    ]
    for (type, projections, embeddings, bytes) in cases {
      let frozen = FrozenForm(projections: projections, embeddings: embeddings)
      func check(_ share: Double) throws {
        try description.checkFits(folder: "m", type: type, frozen: frozen, memory: bytes * count * share)
      }
      #expect(throws: UserError.self, "\(type) \(frozen)") { try check(0.99) }
      try check(1.01)
    }
  }

  @Test(arguments: ZeroStage.allCases) func statesAreThoseThatAreAllocated(stage: ZeroStage) throws {
    let layout = ParameterLayout(specs: try gpt2().parameters)
    let engine = try Engine(threads: 1)
    let rules: [any UpdateRule] = [
      AdamW(), SGD(), SGD(momentum: 0.9), Lion(), Adafactor(), AdamW8bit(),
    ]
    for rule in rules {
      for ranks in [1, 3] {
        let map = ShardMap(layout: layout, stage: stage, rank: ranks - 1, ranks: ranks)
        let ledger = MemoryLedger()
        let optimizer = try ShardedOptimizer(map: map, rule: rule, engine: engine, ledger: ledger)
        withExtendedLifetime(optimizer) {
          let bytes = ShardedOptimizer.stateBytes(map: map, rule: rule)
          #expect(ledger.held("optimizer states") == bytes, "\(rule) at \(ranks) ranks")
        }
      }
    }
  }

  /// A matrix that Muon works on stands beside itself twice, with two squares of its smaller side.
  @Test func muonsWorkCounts() throws {
    let place = Placement(ranks: 2, ranksPerHost: 2, threads: 1)
    var shape = shape(.float32, .optimizer)
    let without = try estimate(shape, place)
    #expect(!without.parts.contains { $0.name == "update" })
    for rule in [Muon(), AveragedRule(Muon(), decay: 0.9)] as [any UpdateRule] {
      shape.rule = rule
      let found = try estimate(shape, place).parts.first { $0.name == "update" }
      #expect(found?.bytes == 4 * (3 * 256 * 1024 + 2 * 256 * 256))
    }
  }

  @Test func refusalsTellWhatWouldFit() throws {
    let description = try gpt2()
    let place = Placement(ranks: 2, ranksPerHost: 2, threads: 1)
    func refusal(_ shape: RunShape, memory: Double) throws -> UserError? {
      let check = try MemoryCheck(description, folder: "m", shape, place)
      do {
        try check.check(folder: "m", memory: memory)
        return nil
      } catch let error as UserError {
        return error
      }
    }
    let replicas = shape(.float32, .replicas)
    let need = 2 * Double(try MemoryCheck(description, folder: "m", replicas, place).estimate.bytes)
    #expect(try refusal(replicas, memory: need) == nil)
    let tight = try #require(try refusal(replicas, memory: need - 1))
    #expect(tight.what.hasPrefix("2 ranks of a host need ") && tight.what.contains(": 2 × (weights 0.01 + "))
    #expect(tight.hint.contains("with parallel.zero=1 "), "\(tight)")
    #expect(!tight.hint.contains("node_shared_weights"), "\(tight)")
    // Data that has been read counts as a part.
    var withData = replicas
    withData.dataBytes = 30_000_000
    let full = try #require(try refusal(withData, memory: need + 59e6))
    #expect(full.what.hasSuffix(" + data 0.03 GB)"), "\(full)")
    #expect(try refusal(withData, memory: need + 60e6) == nil)
    let tiny = try #require(try refusal(replicas, memory: need / 10))
    #expect(tiny.hint.hasPrefix("even with "), "\(tiny)")
    // Sharded, shared, and the other settings of one row: no other stage is left to try.
    let sharded = try #require(try refusal(shape(.float32, .weights), memory: need / 10))
    #expect(!sharded.hint.contains("parallel.zero"), "\(sharded)")
  }

  @Test func controlGroupsLimit() {
    let files = [
      "/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "3000000\n",
      "/sys/fs/cgroup/a/b/memory.max": "max\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/c/memory.limit_in_bytes": "2000000\n",
    ]
    #expect(controlGroupLimits("0::/a/b\n") { files[$0] } == [3e6])
    #expect(
      controlGroupLimits("5:cpu,cpuacct:/c\n4:memory:/c\n0::/\n") { files[$0] } == [
        9_223_372_036_854_771_712, 2e6,
      ])
    #expect(controlGroupLimits("") { files[$0] } == [])
    #expect(controlGroupLimits("nonsense\n0::/x\n") { _ in nil } == [])
    #expect(usableMemory > 1e8)
    let used = [
      "/sys/fs/cgroup/a/memory.current": "2500000\n",
      "/sys/fs/cgroup/a/memory.stat": "anon 5\nfile 900000\ninactive_file 400000\n",
      "/sys/fs/cgroup/memory/c/memory.usage_in_bytes": "2400000\n",
    ]
    #expect(controlGroupRoom("0::/a/b\n") { files[$0] ?? used[$0] } == [9e5])
    #expect(controlGroupRoom("4:memory:/c\n") { files[$0] ?? used[$0] } == [0])
    #expect(availableMemory > 1e8 && availableMemory <= usableMemory)
  }
}
