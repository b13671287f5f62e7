// The optimizer states that ranks hold: at ZeRO stage 1, AdamW's 8 bytes per parameter divided by the number of
// ranks, and the promised bytes of every other rule.
import Base
import Kernels
import Models
import Optimizers
import Sharding
import Tensors
import Testing
import Training

@Suite struct OptimizerMemoryTests {
  @Test func statesAreHeldOnce() throws {
    let layout = try ParityCase("gpt2-tiny").replica().layout
    // Small buckets, so that a model has many; this process makes every rank's map, and the states are real memory.
    let cut = ParameterLayout(
      specs: layout.forwardOrder.map { layout.parameters[$0].spec }, bucketCount: 4096)
    let engine = try Engine(threads: 1)
    var compared = 0
    for layout in [layout, cut] {
      for count in 1...8 {
        var sum = 0
        var owners = [Int](repeating: 0, count: layout.count)
        for rank in 0..<count {
          let map = ShardMap(layout: layout, stage: .optimizer, rank: rank, ranks: count)
          let ledger = MemoryLedger()
          let optimizer = try ShardedOptimizer(
            map: map, rule: AdamW(), engine: engine, ledger: ledger)
          let held = withExtendedLifetime(optimizer) { ledger.all.reduce(0) { $0 + $1.bytes } }
          #expect(held == 8 * map.heldCount)
          // Slices end at multiples of the grain: at most one more of it in every bucket.
          let share = layout.count / count + layout.buckets.count * ParameterLayout.grain
          #expect(held <= 8 * share)
          sum += held
          for holding in map.held { for index in holding.line { owners[index] += 1 } }
          let replicas = ShardMap(layout: layout, stage: .replicas, rank: rank, ranks: count)
          #expect(replicas.heldCount == layout.count)
        }
        #expect(sum == 8 * layout.count)
        #expect(owners.allSatisfy { $0 == 1 })
        compared += 1
      }
    }
    #expect(compared == 16)
  }

  /// The bytes of all ranks together are those of the formulas. If several ranks update a matrix, each of them has
  /// the moments of its rows and columns.
  @Test func everyRuleHoldsWhatItPromises() throws {
    let sizes = [
      ("table", [300, 64]), ("vector", [64]), ("square", [70, 70]), ("small", [64, 60]), ("one", [1]),
    ]
    let specs = sizes.map { ParameterSpec(name: $0, shape: $1, decays: true, initial: .zeros) }
    let layout = ParameterLayout(specs: specs, bucketCount: 4096)
    let engine = try Engine(threads: 1)
    let all = specs.reduce(0) { $0 + $1.count }
    let (large, matrices) = (19_200 + 4_900, [(300, 64), (70, 70), (64, 60)])
    // Each of the two large parameters has its own blocks, and one more if it begins inside a block.
    let blocks = ["table", "square"].reduce(0) { sum, name in
      let range = layout[name]!.range
      return sum + OptimizerState.blocks(phase: layout.phase(of: range.lowerBound), count: range.count)
    }
    #expect((94...97).contains(blocks))
    let rules: [(rule: any UpdateRule, bytes: Int)] = [
      (AdamW(), 8 * all), (SGD(), 0), (SGD(momentum: 0.9), 4 * all), (Lion(), 4 * all),
      (Adafactor(), 4 * (64 + 1) + 4 * matrices.reduce(0) { $0 + $1.0 + $1.1 }),
      (AdamW8bit(), 2 * large + 2 * 4 * blocks + 8 * (all - large)),
    ]
    var compared = 0
    for (rule, bytes) in rules {
      for count in [1, 2, 3, 5] {
        var sum = 0
        var copies = 0
        for rank in 0..<count {
          let ledger = MemoryLedger()
          let map = ShardMap(layout: layout, stage: .optimizer, rank: rank, ranks: count)
          let optimizer = try ShardedOptimizer(map: map, rule: rule, engine: engine, ledger: ledger)
          sum += withExtendedLifetime(optimizer) { ledger.held("optimizer states") }
          for state in optimizer.states where state.declaration.extent == .rows {
            for part in state.parts where !part.isWritten {
              copies += 4 * layout.parameters[part.parameter].spec.shape.reduce(0, +)
            }
          }
        }
        // Bytes are counted in whole fp32 numbers: up to three more for each of two states on each rank.
        let filled = rule is AdamW8bit ? 6 * count : 0
        #expect((bytes...bytes + filled).contains(sum - copies), "\(rule) on \(count) ranks")
        #expect(count == 1 ? copies == 0 : (copies > 0) == (rule is Adafactor), "\(rule) on \(count) ranks")
        compared += 1
      }
    }
    #expect(compared == 24)
  }

  /// Sums over longer rows or columns would not be exact.
  @Test func adafactorRefusesMatricesThatAreTooLong() throws {
    let engine = try Engine(threads: 1)
    var refused = 0
    for (rows, fits) in [((1 << 22) - 1, true), (1 << 22, false)] {
      let spec = ParameterSpec(name: "table", shape: [rows, 1], decays: true, initial: .zeros)
      let map = ShardMap(layout: ParameterLayout(specs: [spec]), stage: .optimizer, rank: 0, ranks: 1)
      do {
        _ = try ShardedOptimizer(map: map, rule: Adafactor(), engine: engine, ledger: nil)
        #expect(fits)
      } catch let error as UserError {
        #expect(
          !fits && error.code == .usage && error.what.hasSuffix("columns, and table has more"), "\(error)")
        refused += 1
      }
    }
    #expect(refused == 1)
  }
}
