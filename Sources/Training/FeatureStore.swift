// What the frozen trunk of a model gives for each training sequence: computed once, shared out over the ranks, and
// brought to whoever needs it in a step.
import Adapters
import Base
import Collectives
import Datasets
import Graph
import Models
import Objectives
import Sharding
import Tensors

/// Sequences are cut into groups, of which each is one forward pass, and groups belong to pieces, whatever the number
/// of ranks: rank i has pieces i, i + N, i + 2N, … So the features of a sequence, and sums over pieces, are the same at
/// any rank count and after each start.
final class FeatureStore {
  /// Sequences of one forward pass.
  private static let groupSize = 16
  static let pieces = 256

  let form: FeatureForm
  private let sequences: TokenSequences
  private let ranks: Ranks
  /// The group of each sequence; negative where no step needs it.
  private var groups: [Int32]
  /// The sequences of each group.
  private(set) var members: [ArraySlice<Int>] = []
  /// Where the features of each sequence of this rank begin.
  private var starts: [Int]
  private let memory: FlatMemory
  private let file: OffloadFile?
  /// What goes to each rank and comes from it in this step.
  private var outgoing = Mailbox()
  private var incoming = Mailbox()
  private let transfers: Transfers

  /// Computes all of them. Collective.
  /// - Parameters:
  ///   - needed: sequences that occur in some step.
  ///   - folder: where they are kept; nil for memory.
  /// - Throws: if there is no room for them.
  init(
    _ sequences: TokenSequences, needed: some Sequence<Int>, _ form: FeatureForm, replica: Replica,
    ranks: Ranks, mask: PackingMask, folder: String?, ledger: MemoryLedger
  ) throws {
    self.form = form
    self.sequences = sequences
    self.ranks = ranks
    groups = [Int32](repeating: -1, count: sequences.count)
    starts = [Int](repeating: -1, count: sequences.count)
    transfers = ranks.transfers()

    // Sequences of about one length lie in one group, so that there is little padding. Groups are those of the whole
    // data set: which of them a run needs does not change the others.
    let order = (0..<sequences.count).sorted {
      (sequences.length(of: $0), $0) < (sequences.length(of: $1), $1)
    }
    let all = stride(from: 0, to: order.count, by: Self.groupSize).map {
      order[$0..<min($0 + Self.groupSize, order.count)]
    }
    var isNeeded = [Bool](repeating: false, count: sequences.count)
    for sequence in needed { isNeeded[sequence] = true }
    for (number, group) in all.enumerated() where group.contains(where: { isNeeded[$0] }) {
      for sequence in group { groups[sequence] = Int32(number) }
    }
    members = all
    let isPerToken = form.isPerToken
    var count = 0
    for (number, group) in all.enumerated() where Self.owner(ofGroup: number, ranks) == ranks.rank {
      for sequence in group where groups[sequence] >= 0 {
        starts[sequence] = count
        count += form.width * (isPerToken ? sequences.length(of: sequence) : 1)
      }
    }
    (memory, file) = try ranks.together { [count] in
      try FlatMemory.make(
        count: count, label: "features", offload: folder,
        hint: "set method.keep=memory, or output to a folder with room for the features of all samples",
        ledger: ledger)
    }
    var batch = Batch()
    for group in all {
      guard let first = group.first, starts[first] >= 0 else { continue }
      ranks.board?.tell(.forward)
      replica.objective.fill(
        &batch, with: MicroBatch(sequences: Array(group), firstSample: 0), of: sequences, mask: mask)
      replica.withTrunk(of: batch) { features in
        for (row, sequence) in group.enumerated() {
          let size = size(of: sequence)
          let source = features.baseAddress! + row * form.width * (isPerToken ? batch.length : 1)
          (memory.base + starts[sequence]).update(from: source, count: size)
        }
      }
    }
  }

  private func owner(of sequence: Int) -> Int {
    precondition(groups[sequence] >= 0, "no step was to need sequence \(sequence)")
    return Self.owner(ofGroup: Int(groups[sequence]), ranks)
  }

  private static func owner(ofGroup group: Int, _ ranks: Ranks) -> Int { group % pieces % ranks.count }

  private func size(of sequence: Int) -> Int {
    form.width * (form.isPerToken ? sequences.length(of: sequence) : 1)
  }

  /// The features of a sequence of this rank.
  func features(of sequence: Int) -> UnsafeBufferPointer<Float> {
    precondition(starts[sequence] >= 0, "another rank has the features of sequence \(sequence)")
    return UnsafeBufferPointer(start: memory.base + starts[sequence], count: size(of: sequence))
  }

  /// The sequences of a piece, in an order that depends on the data alone.
  func sequences(ofPiece piece: Int) -> [Int] {
    stride(from: piece, to: members.count, by: Self.pieces).flatMap { members[$0] }
      .filter { groups[$0] >= 0 }
  }

  /// Brings those of the micro-batches that this rank computes. Collective.
  func fetch(_ microBatches: [MicroBatch]) {
    guard ranks.count > 1 else { return }
    var (sent, expected) = ([Int](repeating: 0, count: ranks.count), [Int](repeating: 0, count: ranks.count))
    eachMove(microBatches) { sequence, owner, reader in
      if reader == ranks.rank { expected[owner] += size(of: sequence) }
      if owner == ranks.rank { sent[reader] += size(of: sequence) }
    }
    outgoing.makeRoom(sent)
    incoming.makeRoom(expected)
    eachMove(microBatches) { sequence, owner, reader in
      if owner == ranks.rank { outgoing.put(features(of: sequence), for: reader) }
    }
    for rank in 0..<ranks.count {
      let (from, to) = (incoming.bytes(of: rank), outgoing.bytes(of: rank))
      if from.count > 0 { transfers.receive(from.baseAddress!, count: from.count, from: rank, tag: Self.tag) }
      if to.count > 0 { transfers.send(to.baseAddress!, count: to.count, to: rank, tag: Self.tag) }
    }
    transfers.wait()
  }

  /// Calls `body` with each sequence that a rank needs of another one, in the order of the step.
  private func eachMove(
    _ microBatches: [MicroBatch], _ body: (_ sequence: Int, _ owner: Int, _ reader: Int) -> Void
  ) {
    for (number, microBatch) in microBatches.enumerated() {
      let reader = number % ranks.count
      for sequence in microBatch.sequences {
        let owner = owner(of: sequence)
        if owner != reader { body(sequence, owner, reader) }
      }
    }
  }

  private static let tag = 77

  /// Gives a micro-batch those of its rows, in place of their tokens. Micro-batches come in the order in which they were
  /// fetched.
  func fill(_ batch: inout Batch, _ microBatch: MicroBatch) {
    if !form.isPerToken { batch.keepFirstColumn() }
    for sequence in microBatch.sequences {
      let size = size(of: sequence)
      let owner = owner(of: sequence)
      if owner == ranks.rank {
        batch.features.append(contentsOf: features(of: sequence))
      } else {
        batch.features.append(contentsOf: incoming.take(size, of: owner))
      }
      if form.isPerToken {
        let padding = batch.length * form.width - size
        batch.features.append(contentsOf: repeatElement(0, count: padding))
      }
    }
  }

  /// - Throws: if the disk has lost some of them.
  func check() throws { try file?.check() }
}

/// Numbers for or from each rank, side by side; the memory is kept from step to step.
private struct Mailbox {
  private var memory = FlatMemory(count: 0, label: "features")
  private var counts: [Int] = []
  private var starts: [Int] = []
  /// How many numbers of each part have been put in or taken out.
  private var passed: [Int] = []

  mutating func makeRoom(_ counts: [Int]) {
    self.counts = counts
    var end = 0
    starts = counts.map { count in
      defer { end += count }
      return end
    }
    passed = counts.map { _ in 0 }
    if memory.count < end { memory = FlatMemory(count: end, label: "features") }
  }

  mutating func put(_ numbers: UnsafeBufferPointer<Float>, for rank: Int) {
    (memory.base + starts[rank] + passed[rank]).update(from: numbers.baseAddress!, count: numbers.count)
    passed[rank] += numbers.count
  }

  mutating func take(_ count: Int, of rank: Int) -> UnsafeBufferPointer<Float> {
    defer { passed[rank] += count }
    return UnsafeBufferPointer(start: memory.base + starts[rank] + passed[rank], count: count)
  }

  func bytes(of rank: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: memory.base + starts[rank], count: counts[rank] * MemoryLayout<Float>.stride)
  }
}
