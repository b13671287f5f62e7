// Attention with grouped key heads, without a T×T matrix (Vaswani et al. 2017; Dao et al. 2022).
//
// Each query sees one interval of keys. That alone makes attention causal, bidirectional, padded, packed, windowed or
// cached.
//
// For a block of 64 queries and the keys they may see:
//   S = scale · Q Kᵀ,  P = softmax(S),  O = P V,  and the row's log-sum-exp L is kept.
//
// B = sequences, T = queries of a sequence, N = its keys, H = query heads, G = key heads, D = head width.

/// The keys that each query sees, counted within its sequence: the first key and the end, [B · T] each; the end
/// itself is not seen.
package struct KeyIntervals {
  package let first: UnsafePointer<Int32>
  package let end: UnsafePointer<Int32>

  package init(first: UnsafePointer<Int32>, end: UnsafePointer<Int32>) {
    self.first = first
    self.end = end
  }
}

/// The sizes of one attention. Rows of a matrix lie `stride` apart; head h starts at column h · D, and key heads where
/// `keyHeadStride` says.
package struct AttentionShape: Sendable {
  package var sequences: Int
  package var queries: Int
  /// The number of keys of each sequence.
  package var keys: Int
  package var heads: Int
  package var keyHeads: Int
  package var headWidth: Int
  package var queryStride: Int
  package var keyStride: Int
  /// The distance between two key heads, and between the keys of two sequences.
  package var keyHeadStride: Int
  package var keySequenceStride: Int
  package var outputStride: Int
  package var scale: Float

  package init(
    sequences: Int, queries: Int, keys: Int, heads: Int, keyHeads: Int, headWidth: Int, queryStride: Int,
    keyStride: Int, keyHeadStride: Int? = nil, keySequenceStride: Int? = nil, outputStride: Int, scale: Float
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
    self.keyHeadStride = keyHeadStride ?? headWidth
    self.keySequenceStride = keySequenceStride ?? keys * keyStride
    self.outputStride = outputStride
    self.scale = scale
  }

  static let block = 64
  var blocks: Int { (queries + Self.block - 1) / Self.block }

  /// Scratch of one worker of forward, in elements: one block of scores.
  package var scratchCount: Int { min(Self.block, queries) * keys }
}

extension Engine {
  /// - Parameters:
  ///   - intervals: a query that sees no key has an output of zeros.
  ///   - output: [B · T, H · D]; logSums: [B, H, T].
  ///   - scratch: `scratchCount` elements for each worker.
  package func attention(
    _ shape: AttentionShape, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
    intervals: KeyIntervals, dropout: Dropout?, sampleIDs: UnsafePointer<Int32>,
    output: UnsafeMutablePointer<Float>, logSums: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    pool.run(s.sequences * s.heads * s.blocks) { tile, worker in
      let block = AttentionBlock(s, tile: tile, intervals)
      let scores = scratch + worker * s.scratchCount
      let width = block.keys.count
      guard width > 0 else { return clearOutput(block, output, logSums) }
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

  /// Writes zeros to the output of a block whose queries see no key.
  private func clearOutput(
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
  @inline(__always)
  private func softmax(_ row: UnsafeMutablePointer<Float>, visible: Range<Int>, count: Int) -> Float {
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
  /// The intervals of the block's sequence.
  private let firstKeys: UnsafePointer<Int32>
  private let endKeys: UnsafePointer<Int32>

  @inline(__always)
  init(_ shape: AttentionShape, tile: Int, _ intervals: KeyIntervals) {
    self.init(
      shape, sequence: tile / (shape.heads * shape.blocks), head: tile / shape.blocks % shape.heads,
      index: tile % shape.blocks, intervals)
  }

  @inline(__always)
  init(_ shape: AttentionShape, sequence: Int, head: Int, index: Int, _ intervals: KeyIntervals) {
    self.shape = shape
    self.sequence = sequence
    self.head = head
    rows = index * AttentionShape.block..<min((index + 1) * AttentionShape.block, shape.queries)
    firstKeys = intervals.first + sequence * shape.queries
    endKeys = intervals.end + sequence * shape.queries
    var (first, end) = (Int32.max, Int32(0))
    for row in rows where firstKeys[row] < endKeys[row] {
      first = min(first, firstKeys[row])
      end = max(end, endKeys[row])
    }
    keys = first < end ? Int(first)..<Int(end) : 0..<0
  }

  /// The keys that a query sees, counted from the block's first key.
  @inline(__always)
  func visible(_ row: Int) -> Range<Int> {
    firstKeys[row] < endKeys[row]
      ? Int(firstKeys[row]) - keys.lowerBound..<Int(endKeys[row]) - keys.lowerBound : 0..<0
  }

  /// The place of the block's first key in the matrices of keys and values.
  var keyStart: Int {
    sequence * shape.keySequenceStride + keys.lowerBound * shape.keyStride
      + head / (shape.heads / shape.keyHeads) * shape.keyHeadStride
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
