// Audits: some micro-batches are computed a second time on another rank, and must give the same bits.
//
// A processor or memory that silently computes wrongly spoils a run unseen (Hochschild et al., "Cores that don't
// count", HotOS 2021; Dixit et al., "Silent Data Corruptions at Scale", 2021). The gradient of a micro-batch has the
// same bits on every rank, so any difference is a fault.
import Base
import Collectives
import Tensors

package final class Audit {
  /// This many neighbours are drawn together. Ranks compute them at the same time; if they were drawn one by one, all
  /// ranks would wait for the one that computes again, and each audit would cost as much as an audit of all ranks.
  package static let group = 64
  /// Keeps these draws apart from all others of a seed.
  private static let tag: UInt64 = 0x4155_4449 << 32

  private let share: Double
  private let seed: UInt64
  private let ranks: Ranks
  /// For each segment, the places of its parameters in it; a parameter lies in one segment as a whole.
  private let pieces: [[Range<Int>]]
  private let names: [String]
  private var step = 0
  /// The records of this step, one after the other: each has a checksum for every trained parameter, then the loss.
  private var records: [Double] = []

  /// - Parameter share: the share of all micro-batches, from 0 to 1.
  package init(share: Double, seed: UInt64, layout: ParameterLayout, ranks: Ranks) {
    self.share = share
    self.seed = seed
    self.ranks = ranks
    let parts = layout.segments.map { segment in (segment.range.lowerBound, layout.pieces(of: segment.range))
    }
    pieces = parts.map { start, pieces in
      pieces.map { $0.range.lowerBound - start..<$0.range.upperBound - start }
    }
    names = parts.flatMap { $0.1.map(\.parameter.spec.name) }
  }

  func begin(step: Int) {
    self.step = step
    records.removeAll(keepingCapacity: true)
  }

  /// Whether a micro-batch of the step is computed twice: a function of seed, step and number alone.
  package func isChosen(_ number: Int, step: Int) -> Bool {
    guard share > 0 else { return false }
    var draws = PhiloxStream(seed: seed, stream: Self.tag | UInt64(UInt32(truncatingIfNeeded: step)))
    draws.skip(number / Self.group)
    return draws.unit() < share
  }

  func isChosen(_ number: Int) -> Bool { isChosen(number, step: step) }

  /// Records a segment of the gradient of a chosen micro-batch. The other segments and the loss follow.
  func take(segment: Int, _ gradients: UnsafePointer<Float>) {
    for piece in pieces[segment] {
      var checksum = CRC32C()
      checksum.update(
        UnsafeRawBufferPointer(UnsafeBufferPointer(start: gradients + piece.lowerBound, count: piece.count)))
      // A double holds 32 bits exactly, so the checksum can travel as losses do.
      records.append(Double(checksum.value))
    }
  }

  func take(loss: Double) { records.append(loss) }

  /// Makes the next rank compute the chosen micro-batches again, and compares. Collective. The weights are still
  /// those of the first time, and when this returns no rank needs them any more.
  /// - Parameters:
  ///   - count: the number of micro-batches of the step.
  ///   - compute: computes a micro-batch and records all of it.
  /// - Returns: how many micro-batches were audited.
  /// - Throws: `AuditFinding` on the first rank if a rank computed wrongly.
  func compare(microBatches count: Int, _ compute: (_ number: Int) -> Void) throws -> Int {
    var audited = 0
    for number in 0..<count where isChosen(number) {
      audited += 1
      if checker(of: number) == ranks.rank { compute(number) }
    }
    guard audited > 0 else { return 0 }
    let all = ranks.gather(records)
    let found = ranks.isFirst ? firstDifference(all, count) : nil
    let number = ranks.gather(found?.number ?? -1)[0]
    guard number >= 0 else { return audited }
    // All ranks compute it once more, as they would only wait otherwise; the majority decides who was wrong.
    records.removeAll(keepingCapacity: true)
    compute(number)
    let again = ranks.gather(records)
    let hosts = ranks.gather(Ranks.hostName)
    guard let found else { throw Ranks.StoppedElsewhere(code: .tryAgain) }
    throw AuditFinding(
      step: step, number: number, owner: owner(of: number), checker: checker(of: number), first: found.first,
      second: found.second, again: again.map(bits), hosts: hosts, names: names)
  }

  private func owner(of number: Int) -> Int { number % ranks.count }
  private func checker(of number: Int) -> Int { (number + 1) % ranks.count }

  private func bits(_ record: some Sequence<Double>) -> [UInt64] { record.map(\.bitPattern) }

  /// - Parameter all: for each rank, the records of its own micro-batches, then of those that it computed again.
  private func firstDifference(
    _ all: [[Double]], _ count: Int
  ) -> (number: Int, first: [UInt64], second: [UInt64])? {
    let width = names.count + 1
    var own = [Int](repeating: 0, count: ranks.count)
    var others = own
    for number in 0..<count where isChosen(number) { others[owner(of: number)] += width }
    for number in 0..<count where isChosen(number) {
      let (owner, checker) = (owner(of: number), checker(of: number))
      let first = bits(all[owner][own[owner]..<own[owner] + width])
      let second = bits(all[checker][others[checker]..<others[checker] + width])
      if first != second { return (number, first, second) }
      own[owner] += width
      others[checker] += width
    }
    return nil
  }
}
