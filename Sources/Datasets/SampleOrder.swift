// The order in which sequences are seen: a function of seed and epoch alone.
import Base

/// Streams of random numbers that `Datasets` draws from; the tag keeps them apart from all others of a seed.
enum DataRandom {
  /// - Parameter source: which of the sources of a run, so that equally long ones come in different orders.
  static func shuffle(seed: UInt64, source: Int, epoch: Int) -> PhiloxStream {
    let tag = 0x5348_5546 ^ UInt64(UInt32(truncatingIfNeeded: source)) << 8
    return PhiloxStream(seed: seed, stream: tag << 32 | UInt64(UInt32(truncatingIfNeeded: epoch)))
  }
  static func steps(seed: UInt64, source: Int, epoch: Int) -> PhiloxStream {
    let tag = 0x4C45_4E47 ^ UInt64(UInt32(truncatingIfNeeded: source)) << 8
    return PhiloxStream(seed: seed, stream: tag << 32 | UInt64(UInt32(truncatingIfNeeded: epoch)))
  }
  static func validation(seed: UInt64) -> PhiloxStream {
    PhiloxStream(seed: seed, stream: 0x5641_4C49 << 32)
  }
}

/// The order of the sequences in each epoch.
package struct SampleOrder: Equatable, Sendable {
  /// The number of sequences, at least one.
  package let count: Int
  package let seed: UInt64
  /// Which of the sources of a run is ordered.
  package let source: Int
  /// If false, every epoch is in file order.
  package let shuffle: Bool

  package init(count: Int, seed: UInt64, source: Int = 0, shuffle: Bool) {
    precondition(count > 0, "there must be a sequence to order")
    precondition(count <= Int32.max, "more sequences than an order can hold")
    self.count = count
    self.seed = seed
    self.source = source
    self.shuffle = shuffle
  }

  /// Every sequence once, in the order of this epoch (from 0).
  package func permutation(epoch: Int) -> [Int32] {
    let order = SampleList.inMemory(count)
    arrange(order, epoch: epoch)
    return (0..<count).map { order[$0] }
  }

  /// The same in a list.
  func arrange(_ order: SampleList, epoch: Int) {
    for place in 0..<count { order[place] = Int32(place) }
    guard shuffle else { return order.release() }
    // Fisher-Yates, written out: the standard library may change how it draws.
    var random = DataRandom.shuffle(seed: seed, source: source, epoch: epoch)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, random.below(last + 1))
      if last % Self.releasedAtOnce == 0 { order.release() }
    }
    order.release()
  }

  /// How many numbers are moved before pages are given back.
  private static let releasedAtOnce = 1 << 18

  /// `size` of all sequences, ascending, chosen by the seed alone: the validation part of a data set.
  func choose(_ size: Int) -> [Int] {
    precondition(size <= count, "more sequences are chosen than there are")
    // The numbers that no longer stand where they stood at first: a list of all would grow with the data.
    var moved: [Int32: Int32] = [:]
    var random = DataRandom.validation(seed: seed)
    var chosen: [Int] = []
    chosen.reserveCapacity(size)
    for place in 0..<size {
      let other = place + random.below(count - place)
      chosen.append(Int(moved[Int32(other)] ?? Int32(other)))
      moved[Int32(other)] = moved[Int32(place)] ?? Int32(place)
      moved[Int32(place)] = nil
    }
    return chosen.sorted()
  }
}
