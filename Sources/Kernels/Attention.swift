// Attention with grouped key heads, without a T×T matrix (Vaswani et al. 2017; Dao et al. 2022).
//
// Each query sees one interval of keys. That alone makes attention causal, bidirectional, padded, packed, windowed or
// cached.
//
// For a block of 64 queries and the keys they may see:
//   S = scale · Q Kᵀ,  or its capped value, or with a bias by distance;
//   P = softmax(S),  O = P V,  and the row's log-sum-exp L is kept.
//
// Letters as in AttentionShape.swift.
import Tensors

extension Engine {
  /// - Parameters:
  ///   - intervals: a query that sees no key has an output of zeros.
  ///   - bias: [H, distances] in the order of the distances, key minus query; nil for none.
  ///   - output: [B · T, H · D]; logSums: [B, H, T].
  ///   - scratch: `scratchCount` elements.
  package func attention(
    _ shape: AttentionShape, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
    bias: UnsafePointer<Float>? = nil, intervals: KeyIntervals, dropout: Dropout?,
    sampleIDs: UnsafePointer<Int32>, output: UnsafeMutablePointer<Float>,
    logSums: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    if roundsAttention(shape) {
      return halfAttention(
        shape, q: q, k: k, v: v, bias: bias, intervals: intervals, dropout: dropout, sampleIDs: sampleIDs,
        output: output, logSums: logSums, scratch: scratch)
    }
    let s = shape
    let rounds = s.rounding == .probabilities && hasHalfDots
    pool.run(s.sequences * s.heads * s.blocks) { tile, worker in
      let block = AttentionBlock(s, tile: tile, intervals)
      let scores = scratch + worker * s.blockScores
      let width = block.keys.count
      guard width > 0 else { return clearOutput(block, output, logSums) }
      block.scores(self, q: q, k: k + block.keyStart, bias: bias, into: scores)
      let logs = logSums + (block.sequence * s.heads + block.head) * s.queries
      for row in block.rows {
        let visible = block.visible(row)
        let scoresN = scores + (row - block.rows.lowerBound) * width
        logs[row] = softmax(scoresN, visible: visible, count: width, rounds: rounds)
        if let dropout {
          dropout.apply(
            scoresN, into: scoresN, count: width, plane: block.head, position: row,
            sample: sampleIDs[block.sequence])
        }
      }
      product(
        .none, m: block.rows.count, n: s.headWidth, k: width, scores, width, v + block.keyStart, s.keyStride,
        output + block.outputStart, s.outputStride)
    }
  }

  /// Writes zeros to the output of a block whose queries see no key.
  func clearOutput(
    _ block: AttentionBlock, _ output: UnsafeMutablePointer<Float>, _ logSums: UnsafeMutablePointer<Float>
  ) {
    let s = block.shape
    for row in block.rows {
      let place = block.outputStart + (row - block.rows.lowerBound) * s.outputStride
      (output + place).update(repeating: 0, count: s.headWidth)
      logSums[(block.sequence * s.heads + block.head) * s.queries + row] = 0
    }
  }

  /// Turns one row of scores into probabilities, zero outside `visible`; returns its log-sum-exp.
  /// - Parameter rounds: whether they are rounded as in HalfAttention.swift, before they are divided by their sum.
  @inline(__always)
  func softmax(
    _ row: UnsafeMutablePointer<Float>, visible: Range<Int>, count: Int, rounds: Bool = false
  ) -> Float {
    guard !visible.isEmpty else {
      row.update(repeating: 0, count: count)
      return 0
    }
    var largest = Vector(repeating: -.infinity)
    forEachVector(in: visible) { largest = largest.maximum($0.load(row, fill: -.infinity)) }
    let peak = largest.largest
    var sum = Vector()
    forEachVector(in: visible) {
      let e = exponential($0.load(row, fill: -.infinity) - peak)
      sum += e
      $0.store(e, row)
    }
    let total = sum.total
    let inverse = 1 / total
    if rounds { BFloat16.round(row + visible.lowerBound, count: visible.count) }
    forEachVector(in: visible) { $0.store($0.load(row) * inverse, row) }
    clearHidden(row, visible: visible, count: count)
    return peak + logarithm(total)
  }

  /// Writes zeros to what a query does not see.
  @inline(__always)
  func clearHidden(_ row: UnsafeMutablePointer<Float>, visible: Range<Int>, count: Int) {
    row.update(repeating: 0, count: visible.lowerBound)
    (row + visible.upperBound).update(repeating: 0, count: count - visible.upperBound)
  }
}
