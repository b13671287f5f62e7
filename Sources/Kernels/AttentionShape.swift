// The sizes of one attention, which keys its queries see, and how its queries are cut into blocks.
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

extension AttentionShape {
  /// What is rounded to bfloat16, by engines that multiply it here (HalfAttention.swift); sums are fp32.
  package enum Rounding: Sendable, CaseIterable {
    case none
    /// The operands of all products.
    case operands
    /// P, for operands that are rounded already, as the cache of decoding holds them.
    case probabilities
  }
}

/// The sizes of one attention. Rows of a matrix lie `stride` apart, and its heads `headStride`.
package struct AttentionShape: Sendable {
  package var sequences: Int
  package var queries: Int
  /// The number of keys of each sequence.
  package var keys: Int
  package var heads: Int
  package var keyHeads: Int
  package var headWidth: Int
  package var queryStride: Int
  package var queryHeadStride: Int
  package var keyStride: Int
  /// The distance between two key heads, and between the keys of two sequences.
  package var keyHeadStride: Int
  package var keySequenceStride: Int
  /// The heads of the output are neighbours.
  package var outputStride: Int
  package var scale: Float
  /// Whether a query's own key is the last one that it sees; otherwise its key has the query's number.
  package var isCausal: Bool
  /// How many keys a query sees at most, of those in its interval: the last ones where attention is causal, and those up
  /// to half as many places away where it is not. Nil for all.
  package var window: Int?
  /// Scores s become c · tanh(s / c) (Gemma 2); nil for none.
  package var softCap: Float?
  /// Whether each head has numbers by distance, which are added to its scores.
  package var hasBias: Bool
  /// Whether the queries of a sequence are no neighbours in it, so that a block of them may see keys far apart.
  package var isSplit: Bool
  package var rounding: Rounding

  package init(
    sequences: Int, queries: Int, keys: Int, heads: Int, keyHeads: Int, headWidth: Int, queryStride: Int,
    queryHeadStride: Int? = nil, keyStride: Int, keyHeadStride: Int? = nil, keySequenceStride: Int? = nil,
    outputStride: Int, scale: Float, isCausal: Bool = true, window: Int? = nil, softCap: Float? = nil,
    hasBias: Bool = false, isSplit: Bool = false, rounding: Rounding = .none
  ) {
    precondition(heads % keyHeads == 0, "\(heads) heads do not share \(keyHeads) key heads")
    precondition(softCap == nil || !hasBias, "scores with a bias have no cap")
    self.sequences = sequences
    self.queries = queries
    self.keys = keys
    self.heads = heads
    self.keyHeads = keyHeads
    self.headWidth = headWidth
    self.queryStride = queryStride
    self.queryHeadStride = queryHeadStride ?? headWidth
    self.keyStride = keyStride
    self.keyHeadStride = keyHeadStride ?? headWidth
    self.keySequenceStride = keySequenceStride ?? keys * keyStride
    self.outputStride = outputStride
    self.scale = scale
    self.isCausal = isCausal
    self.window = window
    self.softCap = softCap
    self.hasBias = hasBias
    self.isSplit = isSplit
    self.rounding = rounding
  }

  static let block = 64
  var blocks: Int { (queries + Self.block - 1) / Self.block }

  /// The most keys that one block of queries may see.
  var blockKeys: Int {
    guard let window, !isSplit else { return keys }
    return min(keys, (isCausal ? window : window / 2 * 2 + 1) + min(Self.block, queries) - 1)
  }

  /// Scratch of one worker of forward in fp32, in elements: one block of scores.
  var blockScores: Int { min(Self.block, queries) * blockKeys }

  /// Scratch of forward, in elements.
  package func scratchCount(threads: Int) -> Int {
    let plain = blockScores * threads
    return rounding == .operands ? max(plain, HalfAttentionRoom(self).count(threads: threads)) : plain
  }

  /// How many distances from a query to a key there are, and the place of distance 0 among them.
  package var distances: Int { Self.distances(keys: keys, isCausal: isCausal) }
  package static func distances(keys: Int, isCausal: Bool) -> Int { isCausal ? keys : 2 * keys - 1 }
  var zeroDistance: Int { keys - 1 }

  /// How many keys a query sees on average, in sequences that are one document.
  package var averageKeys: Double {
    let n = Double(keys)
    let w = Double(min(window ?? keys, keys))
    guard !isCausal else { return w - w * (w - 1) / (2 * n) }
    guard let window else { return n }
    let half = Double(min(window / 2, keys - 1))
    return 2 * half + 1 - half * (half + 1) / n
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
    var (first, end) = (Int.max, 0)
    for row in rows {
      let seen = Self.seen(row, shape, firstKeys, endKeys)
      if seen.isEmpty { continue }
      first = min(first, seen.lowerBound)
      end = max(end, seen.upperBound)
    }
    keys = first < end ? first..<end : 0..<0
    precondition(keys.count <= shape.blockKeys, "the intervals of a window are no neighbours")
  }

  /// The keys that a query sees.
  @inline(__always)
  private static func seen(
    _ row: Int, _ shape: AttentionShape, _ firstKeys: UnsafePointer<Int32>, _ endKeys: UnsafePointer<Int32>
  ) -> Range<Int> {
    var (first, end) = (Int(firstKeys[row]), Int(endKeys[row]))
    if let window = shape.window {
      if shape.isCausal {
        first = max(first, end - window)
      } else {
        first = max(first, row - window / 2)
        end = min(end, row + window / 2 + 1)
      }
    }
    return first < end ? first..<end : 0..<0
  }

  /// The keys that a query sees, counted from the block's first key.
  @inline(__always)
  func visible(_ row: Int) -> Range<Int> {
    let seen = Self.seen(row, shape, firstKeys, endKeys)
    return seen.isEmpty ? 0..<0 : seen.lowerBound - keys.lowerBound..<seen.upperBound - keys.lowerBound
  }

  /// The place of the distance from a query to the block's first key.
  @inline(__always)
  func distance(_ row: Int) -> Int {
    let own = shape.isCausal ? Int(endKeys[row]) - 1 : row
    return keys.lowerBound - own + shape.zeroDistance
  }

  var keyHead: Int { head / (shape.heads / shape.keyHeads) }
  /// The place of the block's first key in the matrices of keys and values.
  var keyStart: Int {
    sequence * shape.keySequenceStride + keys.lowerBound * shape.keyStride + keyHead * shape.keyHeadStride
  }
  var queryStart: Int {
    (sequence * shape.queries + rows.lowerBound) * shape.queryStride + head * shape.queryHeadStride
  }
  var outputStart: Int {
    (sequence * shape.queries + rows.lowerBound) * shape.outputStride + head * shape.headWidth
  }

  /// Writes the block's scores, row after row; what a query does not see is left without cap and bias.
  /// - Parameter bias: [H, distances], or nil.
  @inline(__always)
  func scores(
    _ engine: Engine, q: UnsafePointer<Float>, k: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    into scores: UnsafeMutablePointer<Float>
  ) {
    let width = keys.count
    engine.product(
      .second, m: rows.count, n: width, k: shape.headWidth, alpha: shape.scale, q + queryStart,
      shape.queryStride, k, shape.keyStride, scores, width)
    guard shape.softCap != nil || bias != nil else { return }
    for row in rows { finish(scores + (row - rows.lowerBound) * width, row, visible(row), bias: bias) }
  }

  /// Caps the scores of a row, or adds its bias.
  /// - Parameters:
  ///   - scoresN: from the block's first key on.
  ///   - columns: which of them, counted from there.
  @inline(__always)
  func finish(
    _ scoresN: UnsafeMutablePointer<Float>, _ row: Int, _ columns: Range<Int>, bias: UnsafePointer<Float>?
  ) {
    if let cap = shape.softCap {
      forEachVector(in: columns) {
        $0.store(hyperbolicTangent($0.load(scoresN) * (1 / cap)) * cap, scoresN)
      }
    }
    guard let bias else { return }
    let biasN = bias + head * shape.distances + distance(row) + columns.lowerBound
    let target = scoresN + columns.lowerBound
    forEachVector(columns.count) { $0.store($0.load(target) + $0.load(biasN), target) }
  }
}
