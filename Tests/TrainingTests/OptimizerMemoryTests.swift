// What ranks hold of the optimizer states: at ZeRO stage 1, 8 bytes a parameter divided by the number of ranks.
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
    // Small buckets, so that a model has many; every rank's map is made here, its states are real memory.
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
          let optimizer = ShardedOptimizer(
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
}
