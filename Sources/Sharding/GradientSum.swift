// The sum of a step's gradients, kept by the owners of the slices.
//
// Micro-batches are numbered 0, 1, …, M−1 over the whole step; in round r, rank i computes number r·N + i.
// After each segment of backward, every rank sends the owners their slices, and an owner adds the parts in
// the order of the micro-batches: ((g0 + g1) + g2) + …, one after the other, whatever N is. The result is
// the same bits at every rank count, an owner's memory does not grow with M, and no rank ever holds the
// summed gradient of what it does not own.
//
// Where exactness is not asked for, each rank first adds up its own micro-batches and sends the sum in the
// last round: one exchange a step, at the price of a whole gradient in memory and of the order.
import Base
import Collectives
import Foundation
import Kernels
import Tensors

package final class GradientSum {
  package let map: ShardMap
  /// The held part of the summed gradient, `map.heldCount` elements.
  package let memory: FlatMemory
  private let ranks: Ranks
  private let engine: Engine
  private var parts: FlatMemory
  private var isEmpty = true
  private var senders = 0
  private var isLastRound = true
  /// Where the order is free: this rank's own sum, the whole line.
  private let ownSum: FlatMemory?
  private var ownIsEmpty = true
  /// Seconds spent on exchange since the last step began.
  package private(set) var seconds = 0.0

  /// - Parameter exact: whether the order of additions is that of the micro-batches.
  package init(map: ShardMap, ranks: Ranks, engine: Engine, exact: Bool = true, ledger: MemoryLedger?) {
    ownSum =
      exact || ranks.count == 1
      ? nil : FlatMemory(count: map.layout.trainedCount, label: "gradients", ledger: ledger)
    self.map = map
    self.ranks = ranks
    self.engine = engine
    memory = FlatMemory(count: map.heldCount, label: "gradients", ledger: ledger)
    let widest = map.slices.map { $0[map.rank].count }.max() ?? 0
    parts = FlatMemory(count: widest * map.ranks, label: "exchange", ledger: ledger)
  }

  package func begin() {
    isEmpty = true
    ownIsEmpty = true
    senders = 0
    seconds = 0
  }

  /// Announces a round in which the first `senders` ranks have a micro-batch each.
  /// - Parameter isLast: whether it is the last round of the step.
  package func beginRound(senders: Int, isLast: Bool) {
    self.senders = ownSum == nil ? senders : max(self.senders, senders)
    isLastRound = isLast
  }

  /// Adds a segment of this round's gradients. Every rank calls this for each segment in order, those
  /// without a micro-batch with nil.
  package func add(segment index: Int, _ gradients: UnsafePointer<Float>?) {
    let start = Date()
    let isLastSegment = index == map.layout.segments.count - 1
    if let ownSum {
      let range = map.layout.segments[index].range
      let own = ownSum.base + range.lowerBound
      if let gradients { engine.copy(gradients, count: range.count, into: own, adding: !ownIsEmpty) }
      if isLastRound { exchange(segment: index, map.rank < senders ? UnsafePointer(own) : nil) }
      if isLastSegment, gradients != nil { ownIsEmpty = false }
    } else {
      exchange(segment: index, gradients)
    }
    if isLastSegment, ownSum == nil || isLastRound { isEmpty = false }
    seconds += Date().timeIntervalSince(start)
  }

  /// Every owner gets its slices of a segment from the senders, and adds them in the order of the ranks.
  private func exchange(segment index: Int, _ gradients: UnsafePointer<Float>?) {
    let segment = map.layout.segments[index]
    let origin = segment.range.lowerBound
    for bucket in segment.buckets {
      let slices = map.slices[bucket].map { $0.lowerBound - origin..<$0.upperBound - origin }
      let own = slices[map.rank]
      let target = memory.base + map.place(ofBucket: bucket)
      if map.ranks == 1, let gradients {
        engine.copy(gradients + own.lowerBound, count: own.count, into: target, adding: !isEmpty)
        continue
      }
      ranks.exchangeSlices(gradients, slices: slices, senders: senders, into: parts.base)
      engine.addInOrder(parts.base, parts: senders, count: own.count, into: target, adding: !isEmpty)
    }
  }

  /// This rank's part in a round in which it has no micro-batch.
  package func addNothing() {
    for segment in map.layout.segments.indices { add(segment: segment, nil) }
  }

  /// The sum of squares of the whole gradient: fp64 sums of each grain, added in the order of the line.
  package func squaredNorm() -> Double {
    let grain = ParameterLayout.grain
    var mine: [Double] = []
    for (bucket, slices) in map.slices.enumerated() {
      let own = slices[map.rank]
      let grains = (own.count + grain - 1) / grain
      let base = memory.base + map.place(ofBucket: bucket)
      let start = mine.count
      mine += [Double](repeating: 0, count: grains)
      mine.withUnsafeMutableBufferPointer { sums in
        let sums = sums.baseAddress!
        engine.pool.run(grains) { index, _ in
          sums[start + index] = sumOfSquares(
            base + index * grain, count: min(grain, own.count - index * grain))
        }
      }
    }
    let all = ranks.gather(mine)
    var next = [Int](repeating: 0, count: all.count)
    var total = 0.0
    for slices in map.slices {
      for (rank, slice) in slices.enumerated() {
        let grains = (slice.count + grain - 1) / grain
        for value in all[rank][next[rank]..<next[rank] + grains] { total += value }
        next[rank] += grains
      }
    }
    return total
  }

  /// Brings every rank the whole sum, where states are not sharded.
  package func completeReplicas() {
    guard map.stage == .replicas else { return }
    for slices in map.slices {
      ranks.gatherSlices(
        { UnsafeMutableRawPointer(memory.base + $0) }, bytes: MemoryLayout<Float>.size, slices: slices)
    }
  }
}

/// The fp64 sum of squares of a stretch, in one fixed order.
func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
  var sums = SIMD8<Double>()
  var index = 0
  while index + 8 <= count {
    let eight = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self)
    var wide = SIMD8<Double>()
    for lane in 0..<8 { wide[lane] = Double(eight[lane]) }
    sums += wide * wide
    index += 8
  }
  var total = 0.0
  for lane in 0..<8 { total += sums[lane] }
  while index < count {
    total += Double(x[index]) * Double(x[index])
    index += 1
  }
  return total
}
