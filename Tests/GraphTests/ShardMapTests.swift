// Which rank owns what: slices cover every bucket once at any number of ranks, and what a rank holds adds up.
import Reference
import Sharding
import Tensors
import Testing

@Suite struct ShardMapTests {
  private func layout(_ draw: inout Draw) -> ParameterLayout {
    let specs = (0..<1 + draw.below(8)).map { index in
      ParameterSpec(
        name: "p\(index)", shape: [1 + draw.below([5, 900, 20_000][draw.below(3)])], decays: true,
        initial: .zeros, trains: draw.chance(0.8))
    }
    return ParameterLayout(specs: specs, bucketCount: [1024, 4096, 10_000][draw.below(3)])
  }

  @Test func slicesCoverEveryBucketOnce() {
    var draw = Draw(310)
    var ran = 0
    for _ in 0..<20 {
      let layout = layout(&draw)
      for ranks in 1...9 {
        for stage in ZeroStage.allCases {
          let maps = (0..<ranks).map { ShardMap(layout: layout, stage: stage, rank: $0, ranks: ranks) }
          #expect(maps.allSatisfy { $0.slices == maps[0].slices }, "ranks agree")
          #expect(maps[0].slices.count == layout.buckets.count)
          for (slices, bucket) in zip(maps[0].slices, layout.buckets) {
            #expect(slices.count == ranks)
            #expect(slices.flatMap { $0 } == Array(bucket))
            // Cuts are multiples of the grain, so that no block has two owners.
            for cut in slices.map(\.lowerBound) where cut < bucket.upperBound {
              #expect((cut - bucket.lowerBound) % ParameterLayout.grain == 0)
            }
            // No rank has more than one grain more than any other.
            let sizes = slices.map(\.count)
            #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 2 * ParameterLayout.grain)
          }
          ran += 1
        }
      }
    }
    #expect(ran == 20 * 9 * ZeroStage.allCases.count)
  }

  @Test func whatIsHeldAddsUp() {
    var draw = Draw(311)
    var ran = 0
    for _ in 0..<20 {
      let layout = layout(&draw)
      for ranks in 1...9 {
        let maps = (0..<ranks).map { ShardMap(layout: layout, stage: .optimizer, rank: $0, ranks: ranks) }
        #expect(maps.map(\.heldCount).reduce(0, +) == layout.trainedCount)
        let held = maps.flatMap { $0.held.map(\.line) }.sorted { $0.lowerBound < $1.lowerBound }
        #expect(held.flatMap { $0 } == Array(0..<layout.trainedCount))
        for map in maps {
          // Holdings are contiguous in the rank's memory, in the order of the line.
          var offset = 0
          for holding in map.held {
            #expect(holding.offset == offset && !holding.line.isEmpty)
            offset += holding.line.count
          }
          #expect(offset == map.heldCount)
          for (bucket, slices) in map.slices.enumerated() where !slices[map.rank].isEmpty {
            let home = map.held.first { $0.line == slices[map.rank] }
            #expect(home?.offset == map.place(ofBucket: bucket))
          }
          ran += 1
        }
      }
    }
    #expect(ran == 20 * 45)
  }

  @Test func replicasHoldEverything() {
    var draw = Draw(312)
    var ran = 0
    for _ in 0..<20 {
      let layout = layout(&draw)
      for ranks in [1, 2, 9] {
        let map = ShardMap(layout: layout, stage: .replicas, rank: ranks - 1, ranks: ranks)
        #expect(map.heldCount == layout.trainedCount)
        #expect(map.held.flatMap { $0.line } == Array(0..<layout.trainedCount))
        #expect(map.held.allSatisfy { $0.offset == $0.line.lowerBound })
        for (bucket, slices) in map.slices.enumerated() {
          #expect(map.place(ofBucket: bucket) == slices[map.rank].lowerBound)
        }
        ran += 1
      }
    }
    #expect(ran == 60)
  }
}
