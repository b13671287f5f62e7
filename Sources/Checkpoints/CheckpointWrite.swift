// The writing of a checkpoint, as one rank sees it: some of its numbers are copied, so that a thread can write them
// while training changes the originals.
import Base
import Collectives
import Foundation
import Graph
import Sharding
import Tensors

/// The order of calls is `begin` on the first rank; `copy`, `writeNow` and `writeCopies` on all ranks; `publish` on
/// the first rank, with what all ranks have written. The caller does the communication between ranks, so that
/// `writeCopies` and `publish` may be called on any thread, one after the other.
package final class CheckpointWrite: @unchecked Sendable {
  /// Neighbouring numbers of one tensor.
  private struct Extent {
    /// An index into `writers`.
    let writer: Int
    let name: String
    let elements: Range<Int>
    let bytes: UnsafeRawBufferPointer
  }

  private let content: CheckpointContent
  private let type: StoredType
  private let state: TrainingState?
  private let folder: DirectoryPublish
  /// The writers of the weights, then one for each state.
  private let writers: [SafetensorsWriter]
  private let weightWriters: Int
  /// The extents in the order in which they are written; those from `firstCopied` on have copies.
  private let extents: [Extent]
  private var firstCopied: Int
  /// The memory of the copies, kept after they are written, so that the next checkpoint may use it again.
  package private(set) var memory: FlatMemory?
  /// What the first rank writes.
  private let smallFiles: SmallFiles

  /// transformers' own limit is 5 GB; smaller files spread over the servers of a parallel file system.
  private static let maximumShardBytes = 2 << 30

  /// Plans; nothing is written or copied yet.
  /// - Parameters:
  ///   - type: the type of the weights.
  ///   - state: nil for a model without the state of a run.
  package init(_ content: CheckpointContent, to path: String, type: StoredType, state: TrainingState?) throws
  {
    let layout = content.map.layout
    let form = content.form
    let all = content.store.layout
    let isRun = state != nil
    let specs = all.forwardOrder.map { all.parameters[$0].spec }.filter { content.holds($0, ofRun: isRun) }
    // PEFT and AdapterHub read whole files.
    let maximumShardBytes = form.holdsConfig ? Self.maximumShardBytes : Int.max
    let weights = try form.stems.enumerated().compactMap { number, stem in
      let specs = specs.filter { form.file(of: $0) == number }
      return specs.isEmpty && number > 0
        ? nil
        : try SafetensorsPlan(
          tensors: specs.map { (name: form.tensor(of: $0.name), shape: $0.shape) }
            + (number == 0 ? content.derived.map { (name: form.tensor(of: $0.name), shape: $0.shape) } : []),
          type: type,
          maximumShardBytes: maximumShardBytes, stem: stem, metadata: Self.metadata(content))
    }
    let states = try content.states.map {
      try layout.plan($0.declaration, maximumShardBytes: Self.maximumShardBytes)
    }
    let folder = DirectoryPublish(path)
    self.content = content
    self.type = type
    self.state = state
    self.folder = folder
    smallFiles = SmallFiles(in: folder.staging)
    writers = (weights + states).map { SafetensorsWriter($0, in: folder.staging) }
    weightWriters = weights.count
    extents = Self.extents(content, statesFrom: weights.count, ofRun: isRun)
    firstCopied = extents.count
  }

  private static func metadata(_ content: CheckpointContent) -> [String: String] {
    var metadata = content.baseFingerprint.map { [WeightsForm.fingerprintKey: $0] } ?? [:]
    guard !content.form.holdsConfig else { return metadata }
    let head = content.description.head
    metadata[WeightsForm.headKey] = head.kind.rawValue
    if case .labels(_, let kind) = head { metadata[WeightsForm.labelKindKey] = kind.rawValue }
    if let labels = head.labels {
      metadata[WeightsForm.labelsKey] = JSON.array(labels.map { .string($0) }).encoded()
    }
    return metadata
  }

  /// This rank's part of what changes while training goes on.
  private static func extents(
    _ content: CheckpointContent, statesFrom firstState: Int, ofRun isRun: Bool
  ) -> [Extent] {
    let map = content.map
    var extents: [Extent] = []
    for (bucket, slices) in map.slices.enumerated() {
      let slice = slices[map.rank]
      let base =
        content.masters.map { $0 + map.place(ofBucket: bucket) }
        ?? content.store.trained.floats + slice.lowerBound
      for (parameter, piece) in map.layout.pieces(of: slice)
      where content.holds(parameter.spec, ofRun: isRun) {
        let start = parameter.range.lowerBound
        extents.append(
          Extent(
            writer: content.form.file(of: parameter.spec),
            name: content.form.tensor(of: parameter.spec.name),
            elements: piece.lowerBound - start..<piece.upperBound - start,
            bytes: UnsafeRawBufferPointer(
              start: base + piece.lowerBound - slice.lowerBound,
              count: piece.count * MemoryLayout<Float>.stride)))
      }
    }
    for (number, state) in content.states.enumerated() {
      for part in state.parts where part.isWritten {
        extents.append(
          Extent(
            writer: firstState + number, name: map.layout.parameters[part.parameter].spec.name,
            elements: part.elements, bytes: UnsafeRawBufferPointer(state.bytes(of: part))))
      }
    }
    return extents
  }

  /// Makes the staging folder and all files in it at their full size. First rank only.
  /// - Throws: `UserError(.disk)`, with a full disk among the reasons.
  package func begin() throws {
    try folder.begin()
    if case .adapters(let adapters) = content.form { try adapters.begin(in: folder.staging) }
    for writer in writers {
      try writer.create()
      switch content.form {
      case .heads, .adapters: continue
      case .model, .trainedPart, .adapter: break
      }
      try smallFiles.write(writer.plan.index.encoded(indented: true) + "\n", writer.plan.indexName)
    }
    if case .heads(let heads) = content.form { try heads.write(writers.map(\.plan), smallFiles) }
    if case .adapter(let config) = content.form {
      try smallFiles.write(config.encoded(indented: true) + "\n", WeightsForm.adapterConfig)
      if weightWriters > 1 {
        let head = HubHead.config(of: content.description, adapter: config)
        try smallFiles.write(head.encoded(indented: true) + "\n", HubHead.fileName)
      }
    }
    // An adapter folder has none, as its base has it; who resumes looks whether that is the same model.
    if content.form.holdsConfig || state != nil {
      let config = content.description.config(elementType: elementType)
      try smallFiles.write(config.encoded(indented: true) + "\n", "config.json")
    }
    try smallFiles.write(content.companions)
    if let state { try smallFiles.write(state.json.encoded(indented: true) + "\n", TrainingState.fileName) }
  }

  /// The type of the weights, as config.json calls it.
  private var elementType: String { type == .bf16 ? "bfloat16" : "float32" }

  /// Copies what this rank has to write, as far as there is room for it.
  /// - Parameters:
  ///   - room: the size of the copies, in bytes.
  ///   - spare: memory of an earlier checkpoint, since touching new pages takes longer than the copy itself.
  ///   - tiles: runs the given number of tiles, on any number of threads.
  package func copy(
    room: Int, spare: FlatMemory?, ledger: MemoryLedger?, on tiles: (Int, @escaping (Int) -> Void) -> Void
  ) {
    var bytes = 0
    var offsets: [Int] = []
    while firstCopied > 0 {
      let next = (extents[firstCopied - 1].bytes.count + 63) / 64 * 64
      guard bytes + next <= room else { break }
      offsets.append(bytes)
      bytes += next
      firstCopied -= 1
    }
    guard bytes > 0 else { return }
    let count = bytes / MemoryLayout<Float>.stride
    let memory =
      spare.flatMap { $0.count >= count ? $0 : nil }
      ?? FlatMemory(count: count, label: "checkpoint", ledger: ledger)
    self.memory = memory
    self.offsets = offsets.reversed()
    let (first, places, extents) = (firstCopied, self.offsets, extents)
    tiles(places.count) { tile in
      let source = extents[first + tile].bytes
      guard let start = source.baseAddress else { return }
      (UnsafeMutableRawPointer(memory.base) + places[tile]).copyMemory(
        from: start, byteCount: source.count)
    }
  }

  /// For each extent that is copied, where its copy begins, in bytes.
  private var offsets: [Int] = []

  /// Writes what is not copied, before training changes it.
  /// - Throws: `UserError(.disk)`, as do the others.
  package func writeNow() throws {
    for extent in extents[..<firstCopied] { try write(extent, extent.bytes) }
    // Everything that may lie on a disk has been read by now.
    try content.check()
  }

  /// Writes the copies, and what training does not change; returns when the disk holds all that this rank wrote.
  package func writeCopies() throws {
    if let memory {
      for (extent, offset) in zip(extents[firstCopied...], offsets) {
        try write(
          extent,
          UnsafeRawBufferPointer(
            start: UnsafeRawPointer(memory.base) + offset, count: extent.bytes.count))
      }
    }
    if content.map.rank == 0 {
      try writeFrozen()
      try writeDerived()
    }
    try smallFiles.sync()
    for writer in writers { try writer.finish() }
  }

  private func writeDerived() throws {
    for tensor in content.derived {
      try tensor.values.withUnsafeBufferPointer {
        try writers[0].write(name: content.form.tensor(of: tensor.name), elementRange: $0.indices, from: $0)
      }
    }
  }

  /// Numbers of a frozen parameter that are widened at once.
  private static let piece = 1 << 20

  private func writeFrozen() throws {
    let store = content.store
    guard store.frozen != nil else { return }
    let room = FlatMemory(count: Self.piece, label: "reading")
    for (index, parameter) in store.layout.parameters.enumerated() where !parameter.spec.trains {
      let spec = parameter.spec
      guard content.holds(spec, ofRun: state != nil) else { continue }
      for start in stride(from: 0, to: spec.count, by: Self.piece) {
        let part = start..<min(start + Self.piece, spec.count)
        store.readFrozen(index, part, into: room.base)
        try writers[content.form.file(of: spec)].write(
          name: content.form.tensor(of: spec.name), elementRange: part,
          from: UnsafeBufferPointer(start: room.base, count: part.count))
      }
    }
  }

  private func write(_ extent: Extent, _ bytes: UnsafeRawBufferPointer) throws {
    let writer = writers[extent.writer]
    guard extent.writer < weightWriters else {
      return try writer.write(name: extent.name, from: extent.elements.lowerBound, bytes: bytes)
    }
    try writer.write(
      name: extent.name, elementRange: extent.elements, from: bytes.bindMemory(to: Float.self))
  }

  /// What this rank has written of each file of the plan, its bytes and their checksum; exact in these numbers.
  package var written: [Double] {
    writers.flatMap { $0.written.flatMap { [Double($0.bytes), Double($0.checksum)] } }
  }

  /// Writes the manifest and gives the folder its name. First rank only.
  /// - Parameters:
  ///   - written: what each rank has written.
  ///   - replacing: whether a folder of that name is replaced.
  package func publish(_ written: [[Double]], replacing: Bool) throws {
    var files = smallFiles.entries
    for (number, file) in writers.flatMap(\.plan.files).enumerated() {
      let part = written.reduce(into: WrittenPart()) { sum, rank in
        sum.bytes += Int(rank[2 * number])
        sum.checksum ^= UInt32(rank[2 * number + 1])
      }
      guard part.bytes == file.size else {
        throw UserError(
          .software, "\(part.bytes) bytes of \(file.size) were written", at: folder.staging + "/" + file.name)
      }
      files.append(Manifest.File(name: file.name, bytes: file.size, checksum: part.checksum))
    }
    if case .heads(let heads) = content.form {
      try heads.publish(
        writers.map(\.plan), entries: files, companions: content.companions, type: elementType,
        in: folder.staging)
    }
    if case .adapters(let adapters) = content.form {
      try adapters.publish(
        writers.map(\.plan), entries: files, companions: content.companions, in: folder.staging)
    }
    try smallFiles.write(Manifest(files).encoded, Manifest.fileName)
    try smallFiles.sync()
    try folder.publish(replacing: replacing)
  }

  /// Removes what exists of it. First rank only, once no rank writes any more.
  package func abandon() throws { try folder.abandon() }
}

extension CheckpointContent {
  /// Writes a whole folder while training waits. Collective.
  /// - Parameters:
  ///   - state: nil for a model without the state of a run.
  ///   - replacing: whether a folder of that name is replaced.
  /// - Throws: `UserError(.disk)` on one rank, and stops the others; what was written is removed.
  package func write(
    to path: String, type: StoredType, state: TrainingState?, replacing: Bool = false, ranks: Ranks
  ) throws {
    let write = try ranks.together { try CheckpointWrite(self, to: path, type: type, state: state) }
    do {
      try ranks.together { if ranks.isFirst { try write.begin() } }
      try ranks.together {
        try write.writeNow()
        try write.writeCopies()
      }
      let written = ranks.gather(write.written)
      try ranks.together { if ranks.isFirst { try write.publish(written, replacing: replacing) } }
    } catch {
      if ranks.isFirst { try? write.abandon() }
      throw error
    }
  }
}
