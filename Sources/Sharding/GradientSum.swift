// The sum of a step's gradients, kept by the owners of the slices.
//
// Micro-batches are numbered 0, 1, …, M−1 over the whole step; in round r, rank i computes number r·N + i.
// After each segment of backward, the owners of its slices get every rank's part, and add the parts in
// the order of the micro-batches: ((g0 + g1) + g2) + …, one after the other, whatever N is. The result is
// the same bits at every rank count, an owner's memory does not grow with M, and no rank ever holds the
// summed gradient of what it does not own.
//
// If exactness is not required, each rank first adds up its own micro-batches and sends the sum in the last round.
// That is one exchange per step; the price is a whole gradient in memory, and the order of additions is lost.
import Base
import Collectives
import Foundation
import Kernels
import Tensors

package final class GradientSum {
  package let map: ShardMap
  /// The held part of the summed gradient, `map.heldCount` elements.
  package let memory: FlatMemory
  let ranks: Ranks
  let engine: Engine
  private let exchange: SliceExchange
  private let wire: ElementType
  /// How many published segments may stay in memory.
  private let held: Int
  /// Segments that are published but not yet added, and the next bucket to add.
  private var pending: [Int] = []
  private var nextBucket = 0
  /// The round after the one whose last segments are still on their way between hosts.
  private var following: (senders: Int, isLast: Bool)?
  /// Whether a round of the exchange has begun, and is not added everywhere.
  private var isOpen = false
  private var isEmpty = true
  private var senders = 0
  private var isLastRound = true
  /// If the order is free, this rank's own sum over the whole line.
  private let ownSum: UnsafeMutablePointer<Float>?
  private var ownIsEmpty = true
  /// The sums of squares of the grains of this rank's slices, bucket after bucket, and the index where each bucket's
  /// grains begin.
  private var squares: [Double]
  private let squareStarts: [Int]
  /// How many grains each rank has; the grains of all ranks, one rank after the other; and how far each rank's are
  /// read.
  private let squareCounts: [Int]
  private var allSquares: [Double]
  private var next: [Int]
  /// Seconds spent on exchange since the last step began.
  package private(set) var seconds = 0.0

  /// How many segments of gradients a program has to hold.
  package static func holds(ranks: Int) -> Int { SliceExchange.holds(ranks: ranks) }

  /// Whether ranks add up their own micro-batches first. This needs a whole gradient in memory, and is done if the
  /// order is free and a step exchanges only once.
  package static func addsFirst(stage: ZeroStage, ranks: Int, exact: Bool) -> Bool {
    !exact && ranks > 1 && stage.rawValue < ZeroStage.gradients.rawValue
  }

  /// Bytes that a rank needs for gradients that are being exchanged, beside their sum.
  /// - Parameters:
  ///   - room: as in `init`.
  ///   - remote: how many ranks run on other hosts.
  package static func exchangeBytes(
    map: ShardMap, room: Int, exact: Bool, wire: ElementType, remote: Int
  ) -> (written: Int, received: Int) {
    let own = addsFirst(stage: map.stage, ranks: map.ranks, exact: exact) ? map.layout.trainedCount : 0
    return (
      (whole(room) + own) * MemoryLayout<Float>.size,
      SliceExchange.receivedBytes(map: map, wire: wire, remote: remote)
    )
  }

  private static func whole(_ room: Int) -> Int { (room + 1023) / 1024 * 1024 }

  /// Where the program writes its gradients, `room` floats.
  package var gradients: UnsafeMutablePointer<Float> { exchange.gradients }

  /// Collective.
  /// - Parameters:
  ///   - room: what a program that `holds` segments needs for gradients.
  ///   - exact: whether the order of additions is that of the micro-batches.
  ///   - wire: the type that each micro-batch's gradients are rounded to before they are added.
  package init(
    map: ShardMap, ranks: Ranks, engine: Engine, room: Int, exact: Bool = true, wire: ElementType = .float32,
    ledger: MemoryLedger?
  ) {
    let addsFirst = Self.addsFirst(stage: map.stage, ranks: ranks.count, exact: exact)
    let room = Self.whole(room)
    exchange = SliceExchange(
      map: map, ranks: ranks, engine: engine, room: room + (addsFirst ? map.layout.trainedCount : 0),
      wire: wire, ledger: ledger)
    ownSum = addsFirst ? exchange.gradients + room : nil
    self.wire = wire
    held = Self.holds(ranks: ranks.count)
    self.map = map
    self.ranks = ranks
    self.engine = engine
    memory = FlatMemory(count: map.heldCount, label: "gradients", ledger: ledger)
    var starts = [0]
    for slices in map.slices { starts.append(starts[starts.count - 1] + grains(slices[map.rank])) }
    squareStarts = starts
    squareCounts = (0..<map.ranks).map { rank in map.slices.reduce(0) { $0 + grains($1[rank]) } }
    // One more, so that there is an address if the rank owns nothing.
    squares = [Double](repeating: 0, count: starts[starts.count - 1] + 1)
    allSquares = [Double](repeating: 0, count: squareCounts.reduce(0, +))
    next = [Int](repeating: 0, count: map.ranks)
  }

  /// Sums the gradients of a step, which has at least one micro-batch. In round r, rank i of N has number r·N + i,
  /// if there is one. Collective.
  /// - Parameter body: gets the number of one of this rank's micro-batches, calls `settle`, writes gradients, and adds
  ///   all segments of them.
  package func sum(microBatches count: Int, _ body: (_ number: Int) throws -> Void) rethrows {
    begin()
    for first in stride(from: 0, to: count, by: map.ranks) {
      beginRound(senders: min(map.ranks, count - first), isLast: first + map.ranks >= count)
      if first + map.rank < count { try body(first + map.rank) } else { addNothing() }
    }
  }

  private func begin() {
    isEmpty = true
    ownIsEmpty = true
    senders = 0
    seconds = 0
  }

  /// Announces a round in which each of the first `senders` ranks has a micro-batch.
  /// - Parameter isLast: whether it is the last round of the step.
  private func beginRound(senders: Int, isLast: Bool) {
    if isOpen { following = (senders, isLast) } else { start(senders: senders, isLast: isLast) }
  }

  private func start(senders: Int, isLast: Bool) {
    self.senders = ownSum == nil ? senders : max(self.senders, senders)
    isLastRound = isLast
    guard ownSum == nil || isLast else { return }
    isOpen = true
    exchange.beginRound(senders: self.senders)
  }

  /// Lets messages between hosts progress while something is computed, and adds what has come.
  package func advance() {
    guard exchange.crossesHosts else { return }
    exchange.poke()
    while let index = pending.first, sum(segment: index, waiting: false) { finishFirst() }
  }

  /// Waits until the round before is added everywhere. Only then may this rank write gradients again.
  package func settle() {
    guard let round = following else { return }
    following = nil
    let start = Date()
    finishRound()
    self.start(senders: round.senders, isLast: round.isLast)
    seconds += Date().timeIntervalSince(start)
  }

  private func finishFirst() {
    pending.removeFirst()
    exchange.finishSegment()
  }

  private func finishRound() {
    while let index = pending.first {
      _ = sum(segment: index, waiting: true)
      finishFirst()
    }
    exchange.finishRound()
    nextBucket = 0
    isEmpty = false
    isOpen = false
  }

  /// Adds a segment of this round's gradients. Every rank calls this for each segment in order; a rank without a
  /// micro-batch passes nil.
  package func add(segment index: Int, _ gradients: UnsafePointer<Float>?) {
    settle()
    let start = Date()
    let isLastSegment = index == map.layout.segments.count - 1
    if let ownSum {
      let range = map.layout.segments[index].range
      let own = ownSum + range.lowerBound
      if let gradients { engine.copy(gradients, count: range.count, into: own, adding: !ownIsEmpty) }
      if isLastRound { pass(segment: index, map.rank < senders ? UnsafePointer(own) : nil) }
      if isLastSegment, gradients != nil { ownIsEmpty = false }
    } else {
      pass(segment: index, gradients)
    }
    seconds += Date().timeIntervalSince(start)
  }

  /// Publishes a segment, and adds earlier ones, which the other ranks have published by now.
  private func pass(segment index: Int, _ gradients: UnsafePointer<Float>?) {
    exchange.publish(segment: index, gradients)
    pending.append(index)
    guard index == map.layout.segments.count - 1 else {
      // What has come is added, and what takes memory that the next segment needs is waited for.
      while let first = pending.first, sum(segment: first, waiting: pending.count > held) { finishFirst() }
      return exchange.waitUntilFree(after: index)
    }
    // Between hosts, the last segments of a round travel while the next one computes forward.
    if isLastRound || !exchange.crossesHosts { finishRound() }
  }

  /// Adds the parts of all ranks for this rank's slices of a segment, in the order of the ranks.
  /// - Parameter waiting: whether to wait for parts that have not come.
  /// - Returns: whether all have been added.
  private func sum(segment index: Int, waiting: Bool) -> Bool {
    while nextBucket < map.layout.segments[index].buckets.upperBound {
      let bucket = nextBucket
      let target = memory.base + map.place(ofBucket: bucket)
      let isWhole = exchange.withParts(bucket: bucket, segment: index, waiting: waiting) { parts, numbers in
        squares.withUnsafeMutableBufferPointer { squares in
          // The last round completes the sum, so its squares are taken in the same pass.
          engine.addInOrder(
            parts, rounding: wire, count: numbers.count, into: target + numbers.lowerBound, adding: !isEmpty,
            grain: ParameterLayout.grain,
            squares: isLastRound
              ? squares.baseAddress! + squareStarts[bucket] + numbers.lowerBound / ParameterLayout.grain : nil
          )
        }
      }
      guard isWhole else { return false }
      nextBucket += 1
    }
    return true
  }

  /// Adds what comes from no micro-batch to the sum of a step that is done.
  /// - Parameter gradient: of a parameter, an index into the layout: all of its numbers; nil for nothing.
  package func add(_ gradient: (_ parameter: Int) -> UnsafePointer<Float>?) {
    change { _, slice, target in
      var isChanged = false
      for (parameter, range) in map.layout.pieces(of: slice) {
        guard let index = map.layout.index(of: parameter.spec.name), let values = gradient(index) else {
          continue
        }
        engine.copy(
          values + range.lowerBound - parameter.range.lowerBound, count: range.count,
          into: target + range.lowerBound - slice.lowerBound, adding: true)
        isChanged = true
      }
      return isChanged
    }
  }

  /// Changes the sum of a step that is done, slice by slice of those that this rank owns.
  /// - Parameter body: gets the number of a bucket, the slice as a range of the line, and its sum; it tells whether it
  ///   has changed anything.
  package func change(
    _ body: (_ bucket: Int, _ slice: Range<Int>, _ sum: UnsafeMutablePointer<Float>) -> Bool
  ) {
    for (bucket, slices) in map.slices.enumerated() {
      let slice = slices[map.rank]
      let target = memory.base + map.place(ofBucket: bucket)
      guard !slice.isEmpty, body(bucket, slice, target) else { continue }
      for grain in 0..<grains(slice) {
        let start = grain * ParameterLayout.grain
        squares[squareStarts[bucket] + grain] = sumOfSquares(
          target + start, count: min(ParameterLayout.grain, slice.count - start))
      }
    }
  }

  /// This rank's part of a round in which it has no micro-batch.
  private func addNothing() {
    for segment in map.layout.segments.indices { add(segment: segment, nil) }
  }

  /// The sum of squares of the whole gradient, once its last round is done. Collective.
  package func squaredNorm() -> Double { squares.withUnsafeBufferPointer { total(ofGrains: $0) } }

  /// The sum of a number for each grain of this rank's slices, bucket after bucket, over all ranks, added in the order
  /// of the line. Collective.
  /// - Parameter mine: as many as this rank has grains, or more.
  func total(ofGrains mine: UnsafeBufferPointer<Double>) -> Double {
    ranks.gather(mine, counts: squareCounts, into: &allSquares)
    for rank in 0..<map.ranks { next[rank] = squareCounts[..<rank].reduce(0, +) }
    var total = 0.0
    for slices in map.slices {
      for (rank, slice) in slices.enumerated() {
        let end = next[rank] + grains(slice)
        for index in next[rank]..<end { total += allSquares[index] }
        next[rank] = end
      }
    }
    return total
  }

  /// Gives every rank the whole sum, if states are not sharded.
  package func completeReplicas() {
    guard map.stage == .replicas else { return }
    for slices in map.slices {
      ranks.gatherSlices(
        { UnsafeMutableRawPointer(memory.base + $0) }, bytes: MemoryLayout<Float>.size, slices: slices)
    }
  }
}

/// How many grains a slice has; it begins at the start of one.
private func grains(_ slice: Range<Int>) -> Int {
  (slice.count + ParameterLayout.grain - 1) / ParameterLayout.grain
}
