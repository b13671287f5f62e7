// A record with its memory planned: runs forward, then backward, and reports when gradients are final.
import Kernels
import Tensors

/// Memory that one program at a time uses, and that grows to the size of the largest.
package final class Arena: @unchecked Sendable {
  private var memory: FlatMemory?
  private let ledger: MemoryLedger?

  package init(ledger: MemoryLedger? = nil) { self.ledger = ledger }

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
  let gradients: UnsafeMutablePointer<Float>
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
  ///   - storage: what activations are kept in between forward and backward.
  ///   - holds: how many more segments of gradients become final before the memory of one is used again.
  package init(
    _ graph: Graph, part: ProgramPart = .whole, recompute: Recompute = .none,
    storage: ActivationStorage = .float32, threads: Int, holds: Int = 0
  ) {
    shape = graph.shape
    type = graph.type
    trainedType = graph.trainedType
    record = graph.record.part(part)
    loss = graph.loss
    training = graph.purpose == .training && part != .trunk
    runsByRow = graph.cache != nil
    plan = MemoryPlan(
      record: record, training: training, recompute: recompute, storage: storage, threads: threads,
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
      weights: weights, arena: base, gradients: gradients ?? base + plan.arenaCount)
    loss.sum = 0
    for index in loss.counts.indices { loss.counts[index] = 0 }
    let engine = runsByRow ? engine.byRow : engine
    let inputs = (own: input, source: input.ofSource)
    for (time, phase) in plan.schedule.enumerated() {
      // The previous entry has run this one already.
      if time > 0, plan.leads[time - 1] { continue }
      let node = record.nodes[phase.node]
      beforeEach(ProgramEntry(phase, node))
      for value in plan.packing.unpackedBefore[time] { unpack(value, memory, engine) }
      for place in plan.cleared[time] {
        (memory.gradients + place.lowerBound).update(repeating: 0, count: place.count)
      }
      let frame = frame(time, memory, inputs, engine)
      if let (maker, follower) = pairs[time] {
        let next = self.frame(time + 1, memory, inputs, engine)
        beforeEach(ProgramEntry(phase, next.node))
        engine.time(phase.label, node) {
          maker.forward(frame) { follower.forward(next, rows: $0, columns: $1) }
        }
        for value in plan.packing.packedAfter[time + 1] { pack(value, memory, engine) }
        continue
      }
      engine.time(phase.label, node) {
        switch phase {
        case .forward, .again: node.operation.forward(frame)
        case .backward: node.operation.backward(frame)
        }
      }
      for value in plan.packing.packedAfter[time] { pack(value, memory, engine) }
      for segment in plan.finishedSegments[time] {
        try whenFinal(segment, memory.gradients + plan.segments[segment])
      }
      afterEach(ProgramProgress(isBackward: !phase.isForward, layer: node.layer))
    }
    return loss.sum
  }

  private func pack(_ value: Value, _ memory: ProgramMemory, _ engine: Engine) {
    engine.pack(
      memory.arena + plan.firstPlace(of: value), count: value.count, as: plan.packing.storage,
      into: memory.arena + plan.packed[value.id])
  }

  private func unpack(_ value: Value, _ memory: ProgramMemory, _ engine: Engine) {
    engine.unpack(
      memory.arena + plan.packed[value.id], count: value.count, as: plan.packing.storage,
      into: memory.arena + plan.unpacked[value.id])
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
