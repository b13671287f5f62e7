// What ranks tell each other of parameters of which every rank holds slices.
import Collectives
import Optimizers
import Tensors

struct RankSums: ParameterSums {
  let map: ShardMap
  let ranks: Ranks

  var layout: ParameterLayout { map.layout }

  func gather(
    _ values: [Double], count: (ParameterRange) -> Int,
    _ body: (ParameterRange, ArraySlice<Double>) -> Void
  ) {
    let isWhole = map.stage == .replicas
    let all = isWhole ? [values] : ranks.gather(values)
    var next = [Int](repeating: 0, count: all.count)
    for bucket in map.slices.indices {
      for piece in map.pieces(ofBucket: bucket) {
        let source = isWhole ? 0 : piece.owner
        let range = ParameterRange(piece, map.layout)
        let end = next[source] + count(range)
        body(range, all[source][next[source]..<end])
        next[source] = end
      }
    }
  }

  func add(_ values: inout [Int64]) {
    // With replicas, every rank has the whole sum already.
    if map.stage != .replicas { ranks.add(&values) }
  }
}

extension ParameterRange {
  init(_ piece: Piece, _ layout: ParameterLayout) {
    self.init(
      parameter: piece.parameter,
      start: piece.line.lowerBound - layout.parameters[piece.parameter].range.lowerBound,
      count: piece.line.count, phase: piece.phase)
  }
}
