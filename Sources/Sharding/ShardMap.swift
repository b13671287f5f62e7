// Which rank owns what: every bucket of the trained line is cut into one slice per rank, at multiples of the grain.
import Tensors

/// How much is sharded over ranks (Rajbhandari et al. 2020).
package enum ZeroStage: Int, Sendable, CaseIterable {
  /// Every rank holds all optimizer states.
  case replicas = 0
  /// Each rank holds the optimizer states of its slices.
  case optimizer = 1
  /// Summed gradients are sharded too: they are exchanged after every micro-batch, which exact sums need anyway.
  case gradients = 2
  /// Weights are sharded too, over the ranks of a host: each host holds them once.
  case weights = 3
}

/// A range of the line, and its place in a rank's own memory.
package struct Holding: Sendable {
  package let line: Range<Int>
  package let offset: Int
}

/// A part of a parameter that lies in one slice, and is updated as a whole.
package struct Piece: Sendable {
  /// An index into the layout.
  package let parameter: Int
  package let line: Range<Int>
  /// The rank that owns its slice.
  package let owner: Int
  /// How many numbers after the start of its segment it begins.
  package let phase: Int
}

/// The slices of all buckets, and what one rank holds of states and summed gradients.
package struct ShardMap: Sendable {
  package let layout: ParameterLayout
  package let stage: ZeroStage
  package let rank: Int
  package let ranks: Int
  /// [bucket][rank], ranges of the line.
  package let slices: [[Range<Int>]]
  /// The ranges that this rank's states cover, in order.
  package let held: [Holding]
  /// The number of elements that one state has on this rank.
  package let heldCount: Int

  package init(layout: ParameterLayout, stage: ZeroStage, rank: Int, ranks: Int) {
    self.layout = layout
    self.stage = stage
    self.rank = rank
    self.ranks = ranks
    let grain = ParameterLayout.grain
    slices = layout.buckets.map { bucket in
      let grains = (bucket.count + grain - 1) / grain
      return (0..<ranks).map { rank in
        min(
          bucket.lowerBound + grains * rank / ranks * grain, bucket.upperBound)..<min(
            bucket.lowerBound + grains * (rank + 1) / ranks * grain, bucket.upperBound)
      }
    }
    switch stage {
    case .replicas:
      held = layout.trainedCount == 0 ? [] : [Holding(line: 0..<layout.trainedCount, offset: 0)]
      heldCount = layout.trainedCount
    case .optimizer, .gradients, .weights:
      var held: [Holding] = []
      var offset = 0
      for slice in slices.map({ $0[rank] }) where !slice.isEmpty {
        held.append(Holding(line: slice, offset: offset))
        offset += slice.count
      }
      self.held = held
      heldCount = offset
    }
    places = Self.places(slices.map { $0[rank] }, stage: stage)
  }

  /// All pieces of a bucket, in the order of the line.
  package func pieces(ofBucket bucket: Int) -> [Piece] {
    var pieces: [Piece] = []
    for (owner, slice) in slices[bucket].enumerated() {
      for (parameter, range) in layout.pieces(of: slice) {
        guard let index = layout.index(of: parameter.spec.name) else { continue }
        pieces.append(
          Piece(parameter: index, line: range, owner: owner, phase: layout.phase(of: range.lowerBound)))
      }
    }
    return pieces
  }

  /// Whether this rank holds the states of the given rank's slices.
  package func holds(slicesOf owner: Int) -> Bool { stage == .replicas || owner == rank }

  private let places: [Int]

  /// The place of this rank's slice of a bucket in its own memory.
  package func place(ofBucket bucket: Int) -> Int { places[bucket] }

  private static func places(_ owned: [Range<Int>], stage: ZeroStage) -> [Int] {
    guard stage != .replicas else { return owned.map(\.lowerBound) }
    var places: [Int] = []
    var offset = 0
    for slice in owned {
      places.append(offset)
      offset += slice.count
    }
    return places
  }
}
