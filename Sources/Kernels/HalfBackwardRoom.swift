// The scratch memory of the backward pass in HalfAttentionBackward.swift.
import CProcessor

/// The keys that meet a block of queries at once.
let tileKeys = 128

extension AttentionShape {
  /// Tiles of keys.
  var keyTiles: Int { (keys + tileKeys - 1) / tileKeys }
  /// Whether several workers share a key head. Blocks that are computed at once cannot add to one bias.
  func sharesHalves(threads: Int) -> Bool { isShared && !hasBias && threads > 1 }

  /// Scratch of backward, in elements.
  func halfBackwardCount(threads: Int) -> Int {
    HalfBackwardRoom(self, threads: threads).count(threads: threads)
  }
}

/// The scratch memory of backward, in words: lines of a bias, K and V of all key heads, slots, then workers.
struct HalfBackwardRoom {
  let shape: AttentionShape
  let isShared: Bool
  /// Blocks whose slots are in memory at once.
  let slots: Int
  /// The distance between rows of 128 keys, with room for 32 beside them on either side. An odd number of cache lines, as lines
  /// at powers of two would displace each other.
  static let stride = tileKeys + 80

  init(_ shape: AttentionShape, threads: Int) {
    self.shape = shape
    isShared = shape.sharesHalves(threads: threads)
    slots = isShared ? shape.sharedSlots : threads
  }

  private var headWords: Int { 2 * shape.turnedWords + shape.keyWords }
  private var panelWords: Int {
    HalfPanels.words(columns: shape.headWidth, pairs: AttentionShape.block / 2)
  }
  /// P or dS of a block and a tile.
  private var tileWords: Int { AttentionShape.block / 2 * tileKeys }
  private var queryWords: Int {
    wholeLines(AttentionShape.block * MemoryLayout<swiftdp_half_query>.stride / MemoryLayout<Float>.stride)
  }
  /// Bounds of the keys of each part of 16 queries.
  private var hullWords: Int { wholeLines(2 * AttentionShape.halfParts) }
  private var slotWords: Int {
    2 * panelWords + queryWords + hullWords + 2 * tileWords * (isShared ? shape.keyTiles : 1)
  }
  private var rows: Int { AttentionShape.halfRows }
  private var workerWords: Int {
    2 * shape.blockWords + 3 * rows * Self.stride + rows * Self.stride / 2
  }
  private var slotStart: Int {
    wholeLines(shape.lineCount) + shape.sequences * shape.keyHeads * headWords
  }

  func count(threads: Int) -> Int { slotStart + slots * slotWords + threads * workerWords }

  func heads(_ index: Int, in scratch: UnsafeMutablePointer<Float>) -> Heads {
    let start = scratch + wholeLines(shape.lineCount) + index * headWords
    let values = start + shape.turnedWords
    return Heads(
      turnedKeys: HalfPanels(base: start.pairs, pairs: shape.widthPairs),
      turnedValues: HalfPanels(base: values.pairs, pairs: shape.widthPairs),
      keys: HalfPanels(base: (values + shape.turnedWords).pairs, pairs: shape.keyPairs))
  }

  func slot(_ index: Int, in scratch: UnsafeMutablePointer<Float>) -> Slot {
    let start = scratch + slotStart + index * slotWords
    let (dOutput, queries) = (start + panelWords, start + 2 * panelWords)
    let hulls = queries + queryWords
    return Slot(
      q: HalfPanels(base: start.pairs, pairs: AttentionShape.block / 2),
      dOutput: HalfPanels(base: dOutput.pairs, pairs: AttentionShape.block / 2),
      queries: UnsafeMutableRawPointer(queries).assumingMemoryBound(to: swiftdp_half_query.self),
      hulls: UnsafeMutableRawPointer(hulls).assumingMemoryBound(to: Int32.self),
      tiles: (hulls + hullWords).pairs, tileWords: isShared ? tileWords : 0)
  }

  func worker(_ index: Int, in scratch: UnsafeMutablePointer<Float>) -> Worker {
    let q = scratch + slotStart + slots * slotWords + index * workerWords
    let dOutput = q + shape.blockWords
    let scores = dOutput + shape.blockWords
    let slopes = scores + rows * Self.stride
    let rounded = slopes + rows * Self.stride
    return Worker(
      q: q.pairs, dOutput: dOutput.pairs, scores: scores, slopes: slopes, rounded: rounded.pairs,
      factors: rounded + rows * Self.stride / 2)
  }

  /// One key head.
  struct Heads {
    let turnedKeys: HalfPanels
    let turnedValues: HalfPanels
    let keys: HalfPanels
  }

  /// What a block leaves for dK and dV.
  struct Slot {
    let q: HalfPanels
    let dOutput: HalfPanels
    let queries: UnsafeMutablePointer<swiftdp_half_query>
    /// The first key that any of 16 queries sees, and the end; both 0 if there is none.
    private let hulls: UnsafeMutablePointer<Int32>
    private let tiles: UnsafeMutablePointer<HalfPair>
    /// The distance between tiles; 0 if there is room for one.
    private let tileWords: Int

    init(
      q: HalfPanels, dOutput: HalfPanels, queries: UnsafeMutablePointer<swiftdp_half_query>,
      hulls: UnsafeMutablePointer<Int32>, tiles: UnsafeMutablePointer<HalfPair>, tileWords: Int
    ) {
      (self.q, self.dOutput, self.queries) = (q, dOutput, queries)
      (self.hulls, self.tiles, self.tileWords) = (hulls, tiles, tileWords)
    }

    /// [32, 128] pairs of queries, for the keys of a tile.
    func probabilities(_ tile: Int) -> UnsafeMutablePointer<HalfPair> { tiles + 2 * tile * tileWords }
    func slopes(_ tile: Int) -> UnsafeMutablePointer<HalfPair> {
      probabilities(tile) + AttentionShape.block / 2 * tileKeys
    }

    /// Notes the keys of each part, when all queries are known.
    func noteHulls() {
      for part in 0..<AttentionShape.halfParts {
        var (first, end) = (Int32.max, Int32(0))
        for row in part * AttentionShape.halfRows..<(part + 1) * AttentionShape.halfRows
        where queries[row].first < queries[row].end {
          (first, end) = (min(first, queries[row].first), max(end, queries[row].end))
        }
        (hulls[2 * part], hulls[2 * part + 1]) = first < end ? (first, end) : (0, 0)
      }
    }

    /// The keys that any of 16 queries sees.
    func hull(_ part: Int) -> Range<Int> { Int(hulls[2 * part])..<Int(hulls[2 * part + 1]) }

    /// Those of a tile, in whole vectors; none begin where `keys` do.
    func columns(_ part: Int, within keys: Range<Int>) -> Range<Int> {
      let seen = hull(part).clamped(to: keys)
      return seen.isEmpty ? keys.lowerBound..<keys.lowerBound : AttentionBlock.columns(seen)
    }
  }

  /// What a worker needs: Q and dO of a block, rounded, and for 16 queries scores, dP, dS and factors of dropout.
  struct Worker {
    let q: UnsafeMutablePointer<HalfPair>
    let dOutput: UnsafeMutablePointer<HalfPair>
    let scores: UnsafeMutablePointer<Float>
    let slopes: UnsafeMutablePointer<Float>
    let rounded: UnsafeMutablePointer<HalfPair>
    let factors: UnsafeMutablePointer<Float>
  }
}
