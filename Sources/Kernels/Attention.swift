// Causal attention with grouped key heads, without a T×T matrix (Vaswani et al. 2017; Dao et al. 2022).
//
// For a block of 64 queries and the keys they may see:
//   S = scale · Q Kᵀ,  P = softmax(S),  O = P V,  and the row's log-sum-exp L is kept.
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

  /// Scratch of one worker of forward, in elements: one block of scores.
  package var scratchCount: Int { Self.block * keys }
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
      block.scores(self, q: q, k: k + block.keyStart, into: scores)
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
        .none, m: block.rows.count, n: s.headWidth, k: width, scores, width, v + block.keyStart, s.keyStride,
        output + block.outputStart, s.outputStride)
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
}

/// One block of queries of one head, and the keys that any of them may see.
struct AttentionBlock {
  let shape: AttentionShape
  let sequence: Int
  let head: Int
  let rows: Range<Int>
  let keys: Range<Int>
  private let firstKey: UnsafePointer<Int32>

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

  /// Where the block's first key lies in the matrices of keys and values.
  var keyStart: Int {
    (sequence * shape.keys + keys.lowerBound) * shape.keyStride
      + head / (shape.heads / shape.keyHeads) * shape.headWidth
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
