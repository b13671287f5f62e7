// A record with its memory planned: runs forward, then backward, and reports when gradients are final.
import Base
import Kernels
import Tensors

/// Memory that one program at a time uses, and that grows to the size of the largest.
package final class Arena: @unchecked Sendable {
  private var memory: FlatMemory?
  private var waiting: WaitingFile?
  private let offload: String?
  private let ledger: MemoryLedger?

  package init(ledger: MemoryLedger? = nil) {
    self.ledger = ledger
    offload = nil
  }

  /// - Parameter offload: a folder on a local disk, where activations wait for backward; nil for none.
  /// - Throws: `UserError(.disk)` if no file can be made there.
  package init(offload: String?, ledger: MemoryLedger? = nil) throws {
    self.ledger = ledger
    self.offload = offload
    if let offload { waiting = try Self.file(1, in: offload) }
  }

  /// One for another program that runs at the same time.
  package func another() throws -> Arena { try Arena(offload: offload, ledger: ledger) }

  private static func file(_ count: Int, in folder: String) throws -> WaitingFile {
    try WaitingFile(
      folder: folder, count: count, for: "activations",
      hint: "set training.activation_offload to a folder on a local disk with room for those of every rank")
  }

  /// A file with room for `count` numbers; ends the run if the disk has none.
  func file(count: Int) -> WaitingFile {
    guard let offload else { preconditionFailure("the program was planned for a file") }
    if let waiting, waiting.count >= count { return waiting }
    waiting = nil
    do {
      let made = try Self.file(count, in: offload)
      waiting = made
      return made
    } catch { FatalEnd.end(error as? UserError ?? UserError(.disk, "\(error)", at: offload)) }
  }

  /// - Throws: `UserError(.disk)` if the disk has lost some of what waited there.
  package func check() throws { try waiting?.check() }

  /// Room for `count` numbers, with the content that the last program left.
  package func base(count: Int) -> UnsafeMutablePointer<Float> {
    if (memory?.count ?? 0) < count {
      memory = nil
      memory = FlatMemory(count: count, label: "arena", ledger: ledger)
    }
    return memory!.base
  }
}

extension Engine {
  /// Runs one entry of the schedule, and times it if a profile is collected.
  fileprivate func time(_ label: String, _ node: Node, _ body: () -> Void) {
    guard let profile else { return body() }
    profile.time("\(type(of: node.operation)) \(label)", layer: node.layer, body)
  }
}

/// The memory that a program runs in.
struct ProgramMemory {
  let weights: WeightStore
  let arena: UnsafeMutablePointer<Float>
  /// Where activations wait for backward, unless they do so in the arena.
  let file: WaitingFile?
  let gradients: UnsafeMutablePointer<Float>
}

/// A chunk of a micro-batch, with the memory that it is computed in.
package final class ProgramChunk {
  package var input: GraphInput
  fileprivate let arena: Arena
  /// `Program.gradientCount` floats.
  package let gradients: UnsafeMutablePointer<Float>
  fileprivate var memory: ProgramMemory!
  /// The sum of its losses, and what else its loss has left; see `LossCell`.
  package private(set) var loss = 0.0
  package private(set) var counts: [Double] = []
  package private(set) var outputs: [Double] = []

  package init(_ input: GraphInput, arena: Arena, gradients: UnsafeMutablePointer<Float>) {
    self.input = input
    self.arena = arena
    self.gradients = gradients
  }

  fileprivate func take(_ cell: LossCell) {
    loss = cell.sum
    counts.removeAll(keepingCapacity: true)
    counts.append(contentsOf: cell.counts)
    outputs.removeAll(keepingCapacity: true)
    outputs.append(contentsOf: cell.outputs)
  }
}

/// A forward pass of fixed shape, ready to run any number of times.
package final class Program {
  package let shape: BatchShape
  /// The type of the weights that it runs on; the memory was planned for this type.
  private let type: ElementType
  private let trainedType: ElementType
  /// Floats of memory for activations and scratch, and for gradients.
  package let arenaCount: Int
  package var gradientCount: Int { plan.gradientCount }
  /// Floats of what waits in a file.
  package var offloadedCount: Int { plan.offloadedCount }
  /// The number of operations in all matrix products of a run, including those that are computed again. The forward
  /// products of the loss count as part of its backward.
  package private(set) lazy var productOperations: Double =
    plan.schedule.enumerated().reduce(0) { sum, entry in
      let operation = record.nodes[entry.element.node].operation
      guard case .backward(let node) = entry.element else { return sum + operation.productOperations }
      let forward = node == record.nodes.count - 1 ? operation.productOperations : 0
      return sum + forward + operation.backwardOperations
    }
  /// The count of numbers that all operations of a run read and write, without parameters: twice as many in backward,
  /// which has gradients beside values. The logits, which no value holds, are included.
  package var touchedCount: Double {
    plan.schedule.reduce(0) { sum, entry in
      let node = record.nodes[entry.node]
      let own = (node.inputs + node.outputs).reduce(0) { $0 + Double($1.count) }
      return sum + (entry.isForward ? 1 : 2) * own
    }
  }
  /// The approximate number of bytes of the record and its plan, as measured for an entry of the schedule with its
  /// operation and lists.
  package var recordBytes: Int { 500 * plan.schedule.count }
  private let record: Record
  private let plan: MemoryPlan
  private let loss: LossCell
  /// The sums that the last run left beside its loss.
  package var counts: [Double] { loss.counts }
  /// What the last run predicted; see `LossCell`.
  package var outputs: [Double] { loss.outputs }
  private let training: Bool
  /// Whether products are summed row by row, so that a sequence's results do not depend on the others.
  private let runsByRow: Bool
  /// For each entry of the schedule, the operation that makes tiles and the one that processes them at once.
  private let pairs: [(maker: any TileMaker, follower: any TileFollower)?]

  /// - Parameters:
  ///   - part: what of the record it runs; a trunk has no backward.
  ///   - keeping: how activations wait between forward and backward.
  ///   - holds: how many more segments of gradients become final before the memory of one is used again.
  package init(
    _ graph: Graph, part: ProgramPart = .whole, recompute: Recompute = .none,
    keeping: ActivationKeeping = ActivationKeeping(), threads: Int, holds: Int = 0
  ) {
    shape = graph.shape
    type = graph.type
    trainedType = graph.trainedType
    record = graph.record.part(part)
    loss = graph.loss
    training = graph.purpose == .training && part != .trunk
    runsByRow = graph.cache != nil
    plan = MemoryPlan(
      record: record, training: training, recompute: recompute, keeping: keeping, threads: threads,
      holds: holds)
    arenaCount = plan.arenaCount
    let (nodes, schedule, leads) = (record.nodes, plan.schedule, plan.leads)
    pairs = leads.indices.map { time in
      guard leads[time], let maker = nodes[schedule[time].node].operation as? any TileMaker,
        let follower = nodes[schedule[time + 1].node].operation as? any TileFollower
      else { return nil }
      return (maker, follower)
    }
  }

  /// Runs the program on one micro-batch.
  /// - Parameters:
  ///   - weights: weights of the layout and the type that the program was recorded with.
  ///   - gradients: `gradientCount` floats, or nil for memory of the arena.
  ///   - beforeEach: called before an operation runs, which reads its parameters.
  ///   - afterEach: called between operations, with the one that was done last.
  ///   - whenFinal: called in backward with each segment of the layout, in order, and its gradients; they
  ///     are valid until the call for as many more segments as the program holds.
  /// - Returns: the sum of the losses of all target tokens, in nats.
  package func run(
    _ input: GraphInput, weights: WeightStore, arena: Arena, engine: Engine,
    gradients: UnsafeMutablePointer<Float>? = nil, beforeEach: (ProgramEntry) -> Void = { _ in },
    afterEach: (ProgramProgress) -> Void = { _ in },
    whenFinal: (_ segment: Int, _ gradients: UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows -> Double {
    precondition(
      weights.type == type && weights.trained.type == trainedType,
      "the program was recorded for weights of \(type), trained in \(trainedType)")
    let base = arena.base(count: plan.arenaCount + (gradients == nil ? plan.gradientCount : 0))
    let memory = ProgramMemory(
      weights: weights, arena: base, file: file(of: arena),
      gradients: gradients ?? base + plan.arenaCount)
    loss.clear()
    let engine = runsByRow ? engine.byRow : engine
    let inputs = (own: input, source: input.ofSource)
    for time in plan.schedule.indices {
      // The previous entry has run this one already.
      if time > 0, plan.leads[time - 1] { continue }
      begin(time, beforeEach)
      prepare(time, memory, engine)
      perform(time, memory, inputs, engine)
      packUp(time, memory, engine)
      for segment in plan.finishedSegments[time] {
        try whenFinal(segment, memory.gradients + plan.segments[segment])
      }
      if pairs[time] == nil { afterEach(progress(time)) }
    }
    return loss.sum
  }

  private func file(of arena: Arena) -> WaitingFile? {
    plan.offloadedCount == 0 ? nil : arena.file(count: plan.offloadedCount)
  }

  /// Announces an entry, and the one that runs together with it.
  private func begin(_ time: Int, _ beforeEach: (ProgramEntry) -> Void) {
    for time in time...(pairs[time] == nil ? time : time + 1) {
      let phase = plan.schedule[time]
      beforeEach(ProgramEntry(phase, record.nodes[phase.node]))
    }
  }

  private func progress(_ time: Int) -> ProgramProgress {
    let phase = plan.schedule[time]
    return ProgramProgress(isBackward: !phase.isForward, layer: record.nodes[phase.node].layer)
  }

  /// What an entry finds in memory.
  private func prepare(_ time: Int, _ memory: ProgramMemory, _ engine: Engine) {
    for value in plan.packing.fetchedBefore[time] { memory.file?.fetch(plan.waiting(value)) }
    for value in plan.packing.unpackedBefore[time] { unpack(value, memory, engine) }
    for place in plan.cleared[time] {
      (memory.gradients + place.lowerBound).update(repeating: 0, count: place.count)
    }
  }

  /// Runs the operation of an entry.
  private func perform(
    _ time: Int, _ memory: ProgramMemory, _ inputs: (own: GraphInput, source: GraphInput), _ engine: Engine
  ) {
    let phase = plan.schedule[time]
    let node = record.nodes[phase.node]
    let frame = frame(time, memory, inputs, engine)
    if let (maker, follower) = pairs[time] {
      let next = self.frame(time + 1, memory, inputs, engine)
      engine.time(phase.label, node) {
        maker.forward(frame) { follower.forward(next, rows: $0, columns: $1) }
      }
      return
    }
    engine.time(phase.label, node) {
      switch phase {
      case .forward, .again: node.operation.forward(frame)
      case .backward: node.operation.backward(frame)
      }
    }
  }

  /// What waits for backward from here on.
  private func packUp(_ time: Int, _ memory: ProgramMemory, _ engine: Engine) {
    for value in plan.packing.packedAfter[pairs[time] == nil ? time : time + 1] {
      pack(value, memory, engine)
    }
  }

  private func pack(_ value: Value, _ memory: ProgramMemory, _ engine: Engine) {
    let x = memory.arena + plan.firstPlace(of: value)
    guard let file = memory.file else {
      return engine.pack(
        x, count: value.count, as: plan.packing.keeping.storage, into: memory.arena + plan.packed[value.id])
    }
    var packed = x
    if plan.packing.keeping.storage != .float32 {
      packed = memory.arena + plan.transit
      engine.pack(x, count: value.count, as: plan.packing.keeping.storage, into: packed)
    }
    file.write(packed, to: plan.waiting(value))
  }

  private func unpack(_ value: Value, _ memory: ProgramMemory, _ engine: Engine) {
    let x = memory.arena + plan.unpacked[value.id]
    var packed = memory.arena + plan.packed[value.id]
    if let file = memory.file {
      guard plan.packing.keeping.storage != .float32 else { return file.read(plan.waiting(value), into: x) }
      packed = memory.arena + plan.transit
      file.read(plan.waiting(value), into: packed)
    }
    engine.unpack(packed, count: value.count, as: plan.packing.keeping.storage, into: x)
  }

  private func frame(
    _ time: Int, _ memory: ProgramMemory, _ inputs: (own: GraphInput, source: GraphInput), _ engine: Engine
  ) -> Frame {
    let phase = plan.schedule[time]
    let node = record.nodes[phase.node]
    return Frame(
      engine: engine, input: node.isOfSource ? inputs.source : inputs.own, memory: memory, node: node,
      plan: plan,
      index: phase.node, scratch: memory.arena + plan.scratch[time], phase: phase)
  }

  /// Runs the program on chunks of one micro-batch, an entry of the schedule after the other, so that attention finds the
  /// keys of all of them.
  /// - Parameters:
  ///   - chunks: those that this process computes; their `loss` and other numbers are set.
  ///   - memory: what they share with chunks of other processes.
  ///   - whenFinal: as in `run`, with the place of the chunk in `chunks`.
  package func run(
    together chunks: [ProgramChunk], sharing memory: any ContextMemory, weights: WeightStore, engine: Engine,
    beforeEach: (ProgramEntry) -> Void = { _ in }, afterEach: (ProgramProgress) -> Void = { _ in },
    whenFinal: (_ chunk: Int, _ segment: Int, _ gradients: UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows {
    precondition(
      weights.type == type && weights.trained.type == trainedType,
      "the program was recorded for weights of \(type), trained in \(trainedType)")
    for chunk in chunks {
      chunk.memory = ProgramMemory(
        weights: weights, arena: chunk.arena.base(count: plan.arenaCount), file: file(of: chunk.arena),
        gradients: chunk.gradients)
    }
    for time in plan.schedule.indices {
      if time > 0, plan.leads[time - 1] { continue }
      let phase = plan.schedule[time]
      let node = record.nodes[phase.node]
      begin(time, beforeEach)
      for chunk in chunks { prepare(time, chunk.memory, engine) }
      if let attention = node.operation as? Attention {
        for part in 0..<Attention.parts(of: phase) {
          engine.time("\(phase.label), waiting", node) { memory.waitForAll(engine.pool.betweenTiles) }
          for chunk in chunks {
            let frame = frame(time, chunk.memory, (chunk.input, chunk.input), engine)
            engine.time(phase.label, node) { attention.run(part: part, frame) }
          }
          memory.arrive()
        }
      } else {
        for chunk in chunks {
          if phase.node == record.nodes.count - 1 { loss.clear() }
          perform(time, chunk.memory, (chunk.input, chunk.input), engine)
          if phase.node == record.nodes.count - 1 { chunk.take(loss) }
        }
      }
      for chunk in chunks { packUp(time, chunk.memory, engine) }
      for segment in plan.finishedSegments[time] {
        for (index, chunk) in chunks.enumerated() {
          try whenFinal(index, segment, chunk.memory.gradients + plan.segments[segment])
        }
      }
      if pairs[time] == nil { afterEach(progress(time)) }
    }
  }

  /// The place of a segment's gradients in the memory of gradients.
  package func place(ofSegment segment: Int) -> Int { plan.segments[segment] }

  /// Runs a program that has no backward.
  package func run(
    _ input: GraphInput, weights: WeightStore, arena: Arena, engine: Engine
  ) -> Double {
    run(input, weights: weights, arena: arena, engine: engine) { _, _ in }
  }

  /// The place of the last operation's output, after a run on the same arena.
  package func output(arena: Arena) -> UnsafeBufferPointer<Float> {
    let index = record.nodes.count - 1
    let value = record.nodes[index].outputs[0]
    let place = plan.place(of: value, for: record.nodes[index], in: .forward(index))
    let base = arena.base(count: plan.arenaCount) + place
    return UnsafeBufferPointer(start: base, count: value.count)
  }
}
