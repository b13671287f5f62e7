// Causal attention with grouped key heads, without a T×T matrix (Vaswani et al. 2017; Dao et al. 2022).
//
// For a block of 64 queries and the keys they may see:
//   S = scale · Q Kᵀ,  P = softmax(S),  O = P V,  and the row's log-sum-exp L is kept.
// Backward computes P = exp(S − L) again:
//   dV += Pᵀ dO,  dP = dO Vᵀ,  dS = P ∘ (dP − rowsum(dO ∘ O)),  dQ = scale · dS K,  dK += scale · dSᵀ Q.
//
// B = sequences, T = queries of a sequence, N = its keys, H = query heads, G = key heads, D = head width.

/// The sizes of one attention. Rows of a matrix lie `stride` apart; head h starts at column h · D.
package struct AttentionShape: Sendable {
  package var sequences: Int
  package var queries: Int
  /// Keys of each sequence; query i sees keys up to `keys − queries + i`.
  package var keys: Int
  package var heads: Int
  package var keyHeads: Int
  package var headWidth: Int
  package var queryStride: Int
  package var keyStride: Int
  package var outputStride: Int
  package var scale: Float

  package init(
    sequences: Int, queries: Int, keys: Int, heads: Int, keyHeads: Int, headWidth: Int, queryStride: Int,
    keyStride: Int, outputStride: Int, scale: Float
  ) {
    precondition(heads % keyHeads == 0, "\(heads) heads do not share \(keyHeads) key heads")
    self.sequences = sequences
    self.queries = queries
    self.keys = keys
    self.heads = heads
    self.keyHeads = keyHeads
    self.headWidth = headWidth
    self.queryStride = queryStride
    self.keyStride = keyStride
    self.outputStride = outputStride
    self.scale = scale
  }

  static let block = 64
  var blocks: Int { (queries + Self.block - 1) / Self.block }

  /// Scratch of one worker in elements: forward one block of scores, backward two and a column.
  package var scratchCount: Int { 2 * Self.block * keys + Self.block }
}

extension Engine {
  /// - Parameters:
  ///   - firstKey: [B · T], the first key that each query may see, counted in its sequence.
  ///   - output: [B · T, H · D]; logSums: [B, H, T].
  ///   - scratch: `scratchCount` elements for each worker.
  package func attention(
    _ shape: AttentionShape, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
    firstKey: UnsafePointer<Int32>, dropout: Dropout?, sampleIDs: UnsafePointer<Int32>,
    output: UnsafeMutablePointer<Float>, logSums: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    pool.run(s.sequences * s.heads * s.blocks) { tile, worker in
      let block = AttentionBlock(s, tile: tile, firstKey: firstKey)
      let scores = scratch + worker * s.scratchCount
      let width = block.keys.count
      let keyHead = block.head / (s.heads / s.keyHeads)
      let keyStart = (block.sequence * s.keys + block.keys.lowerBound) * s.keyStride + keyHead * s.headWidth
      block.scores(self, q: q, k: k + keyStart, into: scores)
      let logs = logSums + (block.sequence * s.heads + block.head) * s.queries
      for row in block.rows {
        let visible = block.visible(row)
        let scoresN = scores + (row - block.rows.lowerBound) * width
        logs[row] = softmax(scoresN, visible: visible, count: width)
        if let dropout {
          dropout.apply(
            scoresN, into: scoresN, count: width, plane: block.head, position: row,
            sample: sampleIDs[block.sequence])
        }
      }
      product(
        .none, m: block.rows.count, n: s.headWidth, k: width, scores, width, v + keyStart, s.keyStride,
        output + block.outputStart, s.outputStride)
    }
  }

  /// Gradients of queries, keys and values, each written anew with the strides of the operands.
  package func attentionBackward(
    _ shape: AttentionShape, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
    output: UnsafePointer<Float>, dOutput: UnsafePointer<Float>, logSums: UnsafePointer<Float>,
    firstKey: UnsafePointer<Int32>, dropout: Dropout?, sampleIDs: UnsafePointer<Int32>,
    dq: UnsafeMutablePointer<Float>, dk: UnsafeMutablePointer<Float>, dv: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    let group = s.heads / s.keyHeads
    // One worker takes a key head with all queries that read it: dK and dV then grow in one order.
    pool.run(s.sequences * s.keyHeads) { tile, worker in
      let sequence = tile / s.keyHeads
      let keyHead = tile % s.keyHeads
      let headStart = sequence * s.keys * s.keyStride + keyHead * s.headWidth
      for key in 0..<s.keys {
        (dk + headStart + key * s.keyStride).update(repeating: 0, count: s.headWidth)
        (dv + headStart + key * s.keyStride).update(repeating: 0, count: s.headWidth)
      }
      let probabilities = scratch + worker * s.scratchCount
      let dScores = probabilities + AttentionShape.block * s.keys
      let alongs = dScores + AttentionShape.block * s.keys
      for head in keyHead * group..<(keyHead + 1) * group {
        for index in 0..<s.blocks {
          let block = AttentionBlock(s, sequence: sequence, head: head, index: index, firstKey: firstKey)
          let width = block.keys.count
          let keyStart = headStart + block.keys.lowerBound * s.keyStride
          block.scores(self, q: q, k: k + keyStart, into: probabilities)
          let logs = logSums + (sequence * s.heads + head) * s.queries
          product(
            .second, m: block.rows.count, n: width, k: s.headWidth, dOutput + block.outputStart,
            s.outputStride, v + keyStart, s.keyStride, dScores, width)
          for row in block.rows {
            let local = row - block.rows.lowerBound
            let outputRow = block.outputStart + local * s.outputStride
            var along = Vector()
            forEachVector(s.headWidth) {
              along = along.adding($0.load(output + outputRow), times: $0.load(dOutput + outputRow))
            }
            alongs[local] = along.total
            let pN = probabilities + local * width
            let dN = dScores + local * width
            normalise(pN, visible: block.visible(row), logSum: logs[row], count: width)
            if let dropout {
              dropout.apply(
                dN, into: dN, count: width, plane: head, position: row, sample: sampleIDs[sequence])
            }
            let alongV = Vector(repeating: alongs[local])
            forEachVector(width) { $0.store($0.load(pN) * ($0.load(dN) - alongV), dN) }
            // dV takes the probabilities that V was multiplied by, the dropped ones as zeros.
            if let dropout {
              dropout.apply(
                pN, into: pN, count: width, plane: head, position: row, sample: sampleIDs[sequence])
            }
          }
          let rows = block.rows.count
          product(
            .first, m: width, n: s.headWidth, k: rows, probabilities, width, dOutput + block.outputStart,
            s.outputStride, beta: 1, dv + keyStart, s.keyStride)
          product(
            .none, m: rows, n: s.headWidth, k: width, alpha: s.scale, dScores, width, k + keyStart,
            s.keyStride, dq + block.queryStart, s.queryStride)
          product(
            .first, m: width, n: s.headWidth, k: rows, alpha: s.scale, dScores, width,
            q + block.queryStart, s.queryStride, beta: 1, dk + keyStart, s.keyStride)
        }
      }
    }
  }

  /// Turns one row of scores into probabilities, zero outside `visible`; returns its log-sum-exp.
  @inline(__always)
  private func softmax(_ row: UnsafeMutablePointer<Float>, visible: Range<Int>, count: Int) -> Float {
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
    forEachVector(in: visible) { $0.store($0.load(row) * inverse, row) }
    row.update(repeating: 0, count: visible.lowerBound)
    (row + visible.upperBound).update(repeating: 0, count: count - visible.upperBound)
    return peak + logarithm(total)
  }

  /// exp(S − L) of one row, zero outside `visible`.
  @inline(__always)
  private func normalise(
    _ row: UnsafeMutablePointer<Float>, visible: Range<Int>, logSum: Float, count: Int
  ) {
    forEachVector(in: visible) { $0.store(exponential($0.load(row) - logSum), row) }
    row.update(repeating: 0, count: visible.lowerBound)
    (row + visible.upperBound).update(repeating: 0, count: count - visible.upperBound)
  }
}

/// One block of queries of one head, and the keys that any of them may see.
private struct AttentionBlock {
  let shape: AttentionShape
  let sequence: Int
  let head: Int
  let rows: Range<Int>
  let keys: Range<Int>
  let firstKey: UnsafePointer<Int32>

  @inline(__always)
  init(_ shape: AttentionShape, tile: Int, firstKey: UnsafePointer<Int32>) {
    self.init(
      shape, sequence: tile / (shape.heads * shape.blocks), head: tile / shape.blocks % shape.heads,
      index: tile % shape.blocks, firstKey: firstKey)
  }

  @inline(__always)
  init(_ shape: AttentionShape, sequence: Int, head: Int, index: Int, firstKey: UnsafePointer<Int32>) {
    self.shape = shape
    self.sequence = sequence
    self.head = head
    rows = index * AttentionShape.block..<min((index + 1) * AttentionShape.block, shape.queries)
    self.firstKey = firstKey + sequence * shape.queries
    // First keys never fall along a sequence, so that the first row sees the earliest.
    keys = Int(self.firstKey[rows.lowerBound])..<shape.keys - shape.queries + rows.upperBound
  }

  /// The keys that a query sees, counted from the block's first key.
  @inline(__always)
  func visible(_ row: Int) -> Range<Int> {
    Int(firstKey[row]) - keys.lowerBound..<shape.keys - shape.queries + row + 1 - keys.lowerBound
  }

  var queryStart: Int {
    (sequence * shape.queries + rows.lowerBound) * shape.queryStride + head * shape.headWidth
  }
  var outputStart: Int {
    (sequence * shape.queries + rows.lowerBound) * shape.outputStride + head * shape.headWidth
  }

  @inline(__always)
  func scores(
    _ engine: Engine, q: UnsafePointer<Float>, k: UnsafePointer<Float>,
    into scores: UnsafeMutablePointer<Float>
  ) {
    engine.product(
      .second, m: rows.count, n: keys.count, k: shape.headWidth, alpha: shape.scale, q + queryStart,
      shape.queryStride, k, shape.keyStride, scores, keys.count)
  }
}
