// What the micro-batches of a step leave behind: a loss and the counts of the objective, gathered from all ranks and
// added in the order of the micro-batches.
import Collectives
import Objectives

/// Keeps its memory from step to step.
struct MicroBatchSums {
  /// Numbers of a micro-batch: its loss, then its counts.
  private let width: Int
  private let ranks: Ranks
  private var own: [Double] = []
  private var all: [Double] = []
  private var perRank: [Int] = []
  private var rounds = 0

  init(counts: Int, ranks: Ranks) {
    width = 1 + counts
    self.ranks = ranks
  }

  mutating func begin() { own.removeAll(keepingCapacity: true) }

  /// Adds this rank's next micro-batch.
  mutating func append(loss: Double, counts: [Double]) {
    own.append(loss)
    own.append(contentsOf: counts)
  }

  /// Makes those of all ranks known to each: rank i has numbers i, i + N, i + 2N, … Collective.
  mutating func gather(microBatches count: Int) {
    rounds = (count + ranks.count - 1) / ranks.count
    // Every rank brings as many, so that the index of a number says where it belongs.
    while own.count < rounds * width { own.append(0) }
    if perRank.first != rounds * width {
      perRank = [Int](repeating: rounds * width, count: ranks.count)
      all = [Double](repeating: 0, count: rounds * width * ranks.count)
    }
    own.withUnsafeBufferPointer { ranks.gather($0, counts: perRank, into: &all) }
  }

  /// The loss of a micro-batch, once they are gathered.
  func loss(of number: Int) -> Double { all[place(of: number)] }

  /// What a micro-batch left, once they are gathered.
  func sums(of number: Int) -> LossSums {
    let place = place(of: number)
    return LossSums(loss: all[place], units: 0, counts: Array(all[place + 1..<place + width]))
  }

  /// All of them, once they are gathered.
  func total(microBatches count: Int, units: Int) -> LossSums {
    var sums = LossSums(loss: 0, units: units, counts: [Double](repeating: 0, count: width - 1))
    for number in 0..<count {
      let place = place(of: number)
      sums.loss += all[place]
      for index in 1..<width { sums.counts[index - 1] += all[place + index] }
    }
    return sums
  }

  private func place(of number: Int) -> Int {
    (number % ranks.count * rounds + number / ranks.count) * width
  }
}
