// Sums over whole parameters, of which every rank holds slices.
import Collectives
import Optimizers
import Tensors

struct RankSums: ParameterSums {
  let map: ShardMap
  let ranks: Ranks

  var layout: ParameterLayout { map.layout }

  func total(ofGrains grains: [Double]) -> [Double] {
    let isWhole = map.stage == .replicas
    let all = isWhole ? [grains] : ranks.gather(grains)
    var next = [Int](repeating: 0, count: all.count)
    var totals = [Double](repeating: 0, count: map.layout.parameters.count)
    for bucket in map.slices.indices {
      for piece in map.pieces(ofBucket: bucket) {
        let source = isWhole ? 0 : piece.owner
        let count = UpdateStretch.grains(phase: piece.phase, count: piece.line.count)
        for value in all[source][next[source]..<next[source] + count] { totals[piece.parameter] += value }
        next[source] += count
      }
    }
    return totals
  }

  func add(_ values: inout [Int64]) {
    // With replicas, every rank has the whole sum already.
    if map.stage != .replicas { ranks.add(&values) }
  }
}
