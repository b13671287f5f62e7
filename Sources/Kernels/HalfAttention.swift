// Attention whose products take operands that are rounded to bfloat16, with sums in fp32, as PyTorch's attention of
// bfloat16 does. All else is as in Attention.swift: scores, softmax, log-sum-exp and dropout are fp32.
//
// K and V are packed once for all queries. Then 16 queries at a time are computed, against the keys that any of them may
// see: numbers of P are e^(S − largest), rounded, and O is divided by their sum, which was taken before rounding.
//
// The keys of a sequence lie in panels of 32 from its first one on, so that the order of every sum follows from where
// keys stand. Letters as in AttentionShape.swift.
import CProcessor
import Foundation

extension AttentionShape {
  /// How many queries are computed at once.
  static let halfRows = 16
  static var halfParts: Int { block / halfRows }
  /// Pairs of one query or key.
  var widthPairs: Int { (headWidth + 1) / 2 }
  /// Pairs of the keys, in whole panels.
  var keyPairs: Int { HalfPanels.count(columns: keys) * HalfPanels.columns / 2 }
  /// Words of the panels of Kᵀ or Vᵀ of one key head, and of K or V.
  var turnedWords: Int { HalfPanels.words(columns: keys, pairs: widthPairs) }
  var keyWords: Int { HalfPanels.words(columns: headWidth, pairs: keyPairs) }
  /// Words of the rounded queries of one block.
  var blockWords: Int { wholeLines(Self.block * widthPairs) }

  /// The matrix of one key head.
  func keyPlace(sequence: Int, keyHead: Int) -> Int { sequence * keySequenceStride + keyHead * keyHeadStride }

  /// The head of tile `index` of `sequences · keyHeads`.
  func keyPlace(_ index: Int) -> Int { keyPlace(sequence: index / keyHeads, keyHead: index % keyHeads) }
}

/// As many words as whole cache lines have.
func wholeLines(_ words: Int) -> Int { (words + 15) / 16 * 16 }

/// The scratch memory of forward, in words: K and V of all key heads, then what each worker needs.
struct HalfAttentionRoom {
  private let shape: AttentionShape
  /// The most columns of scores: a block's keys, from a panel's first key on, in whole panels.
  private let columns: Int
  let scoreStride: Int
  /// In words of two numbers.
  let roundedStride: Int

  init(_ shape: AttentionShape) {
    self.shape = shape
    let panel = HalfPanels.columns
    columns = min(2 * shape.keyPairs, (shape.blockKeys + 2 * panel - 2) / panel * panel)
    // Rows lie an odd number of cache lines apart, as lines at powers of two would displace each other.
    scoreStride = columns + 16
    roundedStride = columns / 2 + (columns / panel % 2 == 0 ? 16 : 0)
  }

  private var headWords: Int { shape.turnedWords + shape.keyWords }
  private var packedWords: Int { shape.sequences * shape.keyHeads * headWords }
  private var rows: Int { AttentionShape.halfRows }
  /// Factors of dropout are drawn 32 at a time.
  private var factorCount: Int { columns + 64 }
  private var workerWords: Int {
    shape.blockWords + rows * scoreStride + rows * roundedStride + factorCount + 3 * rows
  }

  func count(threads: Int) -> Int { packedWords + threads * workerWords }

  func turnedKeys(_ head: Int, in scratch: UnsafeMutablePointer<Float>) -> HalfPanels {
    HalfPanels(base: (scratch + head * headWords).pairs, pairs: shape.widthPairs)
  }

  func values(_ head: Int, in scratch: UnsafeMutablePointer<Float>) -> HalfPanels {
    HalfPanels(base: (scratch + head * headWords + shape.turnedWords).pairs, pairs: shape.keyPairs)
  }

  func worker(_ index: Int, in scratch: UnsafeMutablePointer<Float>) -> Worker {
    let queries = scratch + packedWords + index * workerWords
    let scores = queries + shape.blockWords
    let rounded = scores + rows * scoreStride
    let factors = rounded + rows * roundedStride
    let inverses = factors + factorCount
    return Worker(
      queries: queries.pairs, scores: scores, rounded: rounded.pairs, factors: factors, inverses: inverses,
      seen: UnsafeMutableRawPointer(inverses + rows).assumingMemoryBound(to: Int32.self))
  }

  struct Worker {
    /// [64, pairs of D]
    let queries: UnsafeMutablePointer<HalfPair>
    /// [16, scoreStride]
    let scores: UnsafeMutablePointer<Float>
    /// [16, roundedStride]
    let rounded: UnsafeMutablePointer<HalfPair>
    /// Those of dropout for one query.
    let factors: UnsafeMutablePointer<Float>
    /// Those of the sums of 16 queries.
    let inverses: UnsafeMutablePointer<Float>
    /// The first key that each of 16 queries sees, and the end, counted from the block's first key.
    let seen: UnsafeMutablePointer<Int32>
  }
}

extension UnsafeMutablePointer<Float> {
  /// Pairs of bfloat16 in the place of fp32 numbers.
  var pairs: UnsafeMutablePointer<HalfPair> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: HalfPair.self)
  }
}

extension AttentionBlock {
  /// Writes the keys that each of some queries sees, the first and the end, counted from the block's first key.
  /// - Returns: the columns of all keys that any of them sees.
  func note(_ rows: Range<Int>, in seen: UnsafeMutablePointer<Int32>) -> Range<Int> {
    var (first, end) = (Int.max, 0)
    for row in rows {
      let visible = visible(row)
      let place = 2 * (row - rows.lowerBound)
      (seen[place], seen[place + 1]) = (Int32(visible.lowerBound), Int32(visible.upperBound))
      if visible.isEmpty { continue }
      first = min(first, visible.lowerBound)
      end = max(end, visible.upperBound)
    }
    guard first < end else { return 0..<0 }
    return Self.columns(keys.lowerBound + first..<keys.lowerBound + end)
  }

  /// Rounded up to whole vectors, and down to whole panels.
  static func columns(_ keys: Range<Int>) -> Range<Int> {
    keys.lowerBound / HalfPanels.columns * HalfPanels.columns..<(keys.upperBound + 15) / 16 * 16
  }
}

extension Dropout {
  /// Writes the factors of some columns of a row, and of those that are drawn with them: 32 neighbours at once.
  /// - Parameter y: the place of column 0.
  func writeFactors(
    _ columns: Range<Int>, plane: Int, position: Int, sample: Int32, into y: UnsafeMutablePointer<Float>
  ) {
    for block in columns.lowerBound / 32..<(columns.upperBound + 31) / 32 {
      let (a, b) = factors(block: block, plane: plane, position: position, sample: sample)
      Lanes(offset: block * 32, count: 16).store(a, y)
      Lanes(offset: block * 32 + 16, count: 16).store(b, y)
    }
  }
}

extension Engine {
  /// Whether attention is computed as in this file.
  func roundsAttention(_ shape: AttentionShape) -> Bool {
    shape.rounding == .operands && hasHalfDots && !multipliesByRow
  }

  /// See `attention`.
  func halfAttention(
    _ shape: AttentionShape, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
    bias: UnsafePointer<Float>?, intervals: KeyIntervals, dropout: Dropout?,
    sampleIDs: UnsafePointer<Int32>, output: UnsafeMutablePointer<Float>,
    logSums: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    let room = HalfAttentionRoom(s)
    pool.run(s.sequences * s.keyHeads) { head, _ in
      let place = s.keyPlace(head)
      room.turnedKeys(head, in: scratch).packTurned(
        k + place, stride: s.keyStride, rows: s.keys, columns: s.headWidth)
      room.values(head, in: scratch).pack(
        v + place, stride: s.keyStride, rows: s.keys, columns: s.headWidth)
    }
    pool.run(s.sequences * s.heads * s.blocks) { tile, worker in
      let block = AttentionBlock(s, tile: tile, intervals)
      guard !block.keys.isEmpty else { return clearOutput(block, output, logSums) }
      let own = room.worker(worker, in: scratch)
      let head = block.sequence * s.keyHeads + block.keyHead
      let (keys, values) = (room.turnedKeys(head, in: scratch), room.values(head, in: scratch))
      roundRows(
        q + block.queryStart, stride: s.queryStride, rows: block.rows.count, columns: s.headWidth,
        into: own.queries, pairs: s.widthPairs, paddedRows: AttentionShape.block)
      for first in stride(from: block.rows.lowerBound, to: block.rows.upperBound, by: AttentionShape.halfRows)
      {
        let rows = first..<min(first + AttentionShape.halfRows, block.rows.upperBound)
        let columns = block.note(rows, in: own.seen)
        let local = first - block.rows.lowerBound
        halfProduct(
          m: rows.count, n: columns.count, pairs: s.widthPairs, own.queries + local * s.widthPairs,
          aRow: s.widthPairs, aPair: 1, keys.from(column: columns.lowerBound), panelPairs: s.widthPairs,
          factor: s.scale, own.scores, room.scoreStride)
        for row in rows {
          roundSoftmax(
            block, row, columns, own, room, bias: bias, dropout: dropout,
            sample: sampleIDs[block.sequence], place: row - first, logSums)
        }
        halfProduct(
          m: rows.count, n: s.headWidth, pairs: columns.count / 2, own.rounded, aRow: room.roundedStride,
          aPair: 1, values.from(column: 0, pair: columns.lowerBound / 2), panelPairs: s.keyPairs,
          factors: own.inverses, output + block.outputStart + local * s.outputStride, s.outputStride)
      }
    }
  }

  /// Rounds the numbers of P of one query, and keeps its log-sum-exp and the inverse of its sum.
  /// - Parameters:
  ///   - columns: the keys that scores were computed of.
  ///   - place: of the row among those that are computed at once.
  @inline(__always)
  private func roundSoftmax(
    _ block: AttentionBlock, _ row: Int, _ columns: Range<Int>, _ own: HalfAttentionRoom.Worker,
    _ room: HalfAttentionRoom, bias: UnsafePointer<Float>?, dropout: Dropout?, sample: Int32, place: Int,
    _ logSums: UnsafeMutablePointer<Float>
  ) {
    let visible = Int(own.seen[2 * place])..<Int(own.seen[2 * place + 1])
    let scores = own.scores + place * room.scoreStride
    let rounded = own.rounded + place * room.roundedStride
    let logSum = logSums + (block.sequence * block.shape.heads + block.head) * block.shape.queries + row
    guard !visible.isEmpty else {
      rounded.update(repeating: 0, count: columns.count / 2)
      logSum.pointee = 0
      own.inverses[place] = 0
      return
    }
    // From the first column that was computed to the block's first key; negative if that comes before.
    let skipped = block.keys.lowerBound - columns.lowerBound
    block.finish(scores + skipped, row, visible, bias: bias)
    // The factor of the block's first key would lie here.
    let factors = own.factors - visible.lowerBound / 32 * 32
    dropout?.writeFactors(visible, plane: block.head, position: row, sample: sample, into: factors)
    #if arch(x86_64)
      var (largest, sum): (Float, Float) = (0, 0)
      swiftdp_half_softmax(
        scores, visible.lowerBound + skipped, visible.upperBound + skipped, 0, columns.count,
        dropout == nil ? nil : UnsafePointer(factors - skipped), UnsafeMutableRawPointer(rounded).halves,
        &largest, &sum)
      logSum.pointee = largest + log(sum)
      own.inverses[place] = 1 / sum
    #endif
  }
}
