// Where every value, gradient and scratch lies in the arena: lifetimes are known from the record alone, so
// memory is planned once per shape and a step allocates nothing.
import Kernels

/// One operation of the record with what it reads and writes.
struct Node: Sendable {
  let operation: any Operation
  let inputs: [Value]
  let outputs: [Value]
  let auxiliaries: [Value]
  /// Indices into the layout's parameters.
  let parameters: [Int]
  /// The block (layer) it was recorded in, or nil.
  let layer: Int?
  /// Whether it works on the sources of the sequences.
  let isOfSource: Bool
}

/// A range of the arena, with the first and last entry of the schedule that touch it.
private struct Buffer {
  var count: Int
  var first = Int.max
  var last = Int.min
  var offset = 0
  var isUsed: Bool { first <= last }
  mutating func touch(_ time: Int) {
    first = min(first, time)
    last = max(last, time)
  }
}

/// The schedule of a program and the places of everything in its arena, as offsets in elements.
struct MemoryPlan: Sendable {
  private let order: RunOrder
  var schedule: [Phase] { order.entries }
  /// For each entry of the schedule, whether the next one runs together with it.
  var leads: [Bool] { order.leads }
  private(set) var arenaCount = 0
  /// The size of what waits in a file, and the place in the arena where it is packed on the way.
  private(set) var offloadedCount = 0
  private(set) var transit = 0
  /// The size of the gradients of parameters, in memory of their own: it depends on the model and on `holds`, not on
  /// the shape of the batch.
  private(set) var gradientCount = 0
  private(set) var gradients: [Int] = []
  /// The place of each entry's scratch, whose content is not needed after the entry.
  private(set) var scratch: [Int] = []
  private(set) var addsToInput: [[Bool]] = []
  private(set) var addsToParameter: [[Bool]] = []
  /// The place of each parameter's gradient, by the index of the parameter; nil if it is frozen.
  private(set) var parameterGradients: [Int?] = []
  /// The segments of gradients that are final after an entry of the schedule, and their places in the
  /// memory of gradients.
  private(set) var finishedSegments: [[Int]] = []
  /// Gradients of other heads, which are zeros: the places to clear before an entry of the schedule.
  private(set) var cleared: [[Range<Int>]] = []
  private(set) var segments: [Int] = []
  private var first: [Int] = []
  private var second: [Int] = []
  /// What waits for backward in fewer bytes or in a file, its place there, and where it is unpacked.
  let packing: PackedValues
  private(set) var packed: [Int] = []
  private(set) var unpacked: [Int] = []

  /// Whether an operation of that entry sees the second run of a value.
  func isSecond(_ value: Value, for node: Node, in phase: Phase) -> Bool {
    order.isSecond(value, for: node, in: phase)
  }

  /// The place of a value for an operation of that entry.
  func place(of value: Value, for node: Node, in phase: Phase) -> Int {
    if isSecond(value, for: node, in: phase) { return second[value.id] }
    return !phase.isForward && packing.isPacked[value.id] ? unpacked[value.id] : first[value.id]
  }

  /// Floats of a page, which the system reads before it writes a part of it.
  private static let page = 1024

  /// Where a value waits in a file.
  func waiting(_ value: Value) -> Range<Int> {
    packed[value.id]..<packed[value.id] + packing.room(value)
  }

  /// The place that forward has left a value in.
  func firstPlace(of value: Value) -> Int { first[value.id] }

  /// For each entry, the values that it reads or writes; an entry that leads another one has those of both.
  private static func uses(_ nodes: [Node], _ order: RunOrder) -> [[(value: Value, isSecond: Bool)]] {
    let schedule = order.entries
    return schedule.indices.map { time in
      let phase = schedule[time]
      let node = nodes[phase.node]
      var values: [(Value, Node)]
      switch phase {
      case .forward, .again:
        values = (node.inputs + node.outputs + node.auxiliaries).map { ($0, node) }
        if order.leads[time] {
          let next = nodes[schedule[time + 1].node]
          values += (next.inputs + next.outputs + next.auxiliaries).map { ($0, next) }
        }
      case .backward:
        let keeps = node.operation.keeps
        values =
          (keeps.inputs.map { node.inputs[$0] } + keeps.outputs.map { node.outputs[$0] } + node.auxiliaries)
          .map { ($0, node) }
      }
      return values.map { ($0, order.isSecond($0, for: $1, in: phase)) }
    }
  }

  /// - Parameter holds: a segment's gradients stay until this many more segments are final.
  init(
    record: Record, training: Bool, recompute: Recompute, keeping: ActivationKeeping = ActivationKeeping(),
    threads: Int, holds: Int = 0
  ) {
    let nodes = record.nodes
    let order = RunOrder(
      nodes, values: record.values.count, training: training, recompute: recompute)
    self.order = order
    let schedule = order.entries
    addsToInput = nodes.map { [Bool](repeating: false, count: $0.inputs.count) }
    addsToParameter = nodes.map { [Bool](repeating: false, count: $0.parameters.count) }

    let uses = Self.uses(nodes, order)
    let packing = PackedValues(
      record, order, uses: uses.map { $0.filter { !$0.isSecond }.map(\.value) },
      keeping: training ? keeping : ActivationKeeping())
    self.packing = packing

    // Six families of buffers, numbered one after the other.
    let values = record.values.count
    let layout = record.layout
    let segmentOf = layout.parameters.map { parameter in
      layout.segments.firstIndex { $0.range.contains(parameter.range.lowerBound) && parameter.spec.trains }
    }
    let (firstAt, secondAt, gradientAt) = (0, values, 2 * values)
    let (packedAt, unpackedAt, scratchAt) = (3 * values, 4 * values, 5 * values)
    let counts = record.values.map(\.count)
    let rooms = record.values.map { packing.room($0) }
    var buffers = [counts, counts, counts, rooms, counts].joined().map { Buffer(count: $0) }
    buffers += schedule.map { Buffer(count: nodes[$0.node].operation.scratchCount(threads: threads)) }
    var gradientBuffers = layout.segments.map { Buffer(count: $0.range.count) }

    var written = Set<Int>()
    var writtenParameters = Set<Int>()
    var lastUse = [Int](repeating: -1, count: layout.segments.count)
    for (time, phase) in schedule.enumerated() {
      for (value, isSecond) in uses[time] {
        let isUnpacked = !phase.isForward && packing.isPacked[value.id]
        buffers[(isSecond ? secondAt : isUnpacked ? unpackedAt : firstAt) + value.id].touch(time)
      }
      for value in packing.packedAfter[time] {
        buffers[firstAt + value.id].touch(time)
        buffers[packedAt + value.id].touch(time)
      }
      for value in packing.unpackedBefore[time] { buffers[packedAt + value.id].touch(time) }
      buffers[scratchAt + time].touch(time)
      switch phase {
      case .forward, .again: break
      case .backward(let index):
        let node = nodes[index]
        for value in node.outputs where value.needsGradient { buffers[gradientAt + value.id].touch(time) }
        for (place, value) in node.inputs.enumerated() where value.needsGradient {
          addsToInput[index][place] = !written.insert(value.id).inserted
          buffers[gradientAt + value.id].touch(time)
        }
        for (place, parameter) in node.parameters.enumerated() {
          guard let segment = segmentOf[parameter] else { continue }
          addsToParameter[index][place] = !writtenParameters.insert(parameter).inserted
          gradientBuffers[segment].touch(time)
          lastUse[segment] = time
        }
      }
    }
    finishedSegments = [[Int]](repeating: [], count: schedule.count)
    // The gradients of another head are cleared as soon as their segment is in use.
    var idle: [(parameter: Int, segment: Int)] = []
    let firstBackward = schedule.firstIndex { if case .backward = $0 { true } else { false } } ?? 0
    for (parameter, segment) in segmentOf.enumerated() where training && record.hasOtherHeads {
      guard let segment, !writtenParameters.contains(parameter) else { continue }
      idle.append((parameter, segment))
      guard lastUse[segment] < 0 else { continue }
      gradientBuffers[segment].touch(firstBackward)
      lastUse[segment] = firstBackward
    }
    // Ranks exchange segments in order, so no segment leaves before those in front of it.
    var latest = 0
    var finals: [Int] = []
    for segment in layout.segments.indices where training {
      precondition(lastUse[segment] >= 0, "a trained parameter takes no part in the loss")
      latest = max(latest, lastUse[segment])
      finishedSegments[latest].append(segment)
      finals.append(latest)
    }
    for segment in finals.indices {
      gradientBuffers[segment].touch(finals[segment])
      gradientBuffers[segment].touch(finals[min(segment + holds, finals.count - 1)])
    }

    if packing.keeping.offloads {
      let waiting = packedAt..<unpackedAt
      var offloaded = Array(buffers[waiting])
      offloadedCount = Self.assign(&offloaded, unit: Self.page)
      packed = offloaded.map(\.offset)
      for place in waiting { buffers[place].count = 0 }
    }
    arenaCount = Self.assign(&buffers)
    transit = arenaCount
    if packing.keeping.offloads, packing.keeping.storage != .float32 {
      arenaCount += packing.packedAfter.joined().map { packing.room($0) }.max() ?? 0
    }
    gradientCount = Self.assign(&gradientBuffers)
    first = buffers[firstAt..<firstAt + values].map(\.offset)
    second = buffers[secondAt..<secondAt + values].map(\.offset)
    if !packing.keeping.offloads { packed = buffers[packedAt..<packedAt + values].map(\.offset) }
    unpacked = buffers[unpackedAt..<unpackedAt + values].map(\.offset)
    gradients = buffers[gradientAt..<gradientAt + values].map(\.offset)
    scratch = buffers[scratchAt...].map(\.offset)
    segments = gradientBuffers.map(\.offset)
    cleared = [[Range<Int>]](repeating: [], count: schedule.count)
    for (parameter, segment) in idle {
      let (buffer, range) = (gradientBuffers[segment], layout.parameters[parameter].range)
      let start = buffer.offset + range.lowerBound - layout.segments[segment].range.lowerBound
      cleared[buffer.first].append(start..<start + range.count)
    }
    parameterGradients = zip(layout.parameters, segmentOf).map { parameter, segment in
      guard training, let segment else { return nil }
      return gradientBuffers[segment].offset + parameter.range.lowerBound
        - layout.segments[segment].range.lowerBound
    }
  }

  /// Gives overlapping lifetimes different places, the largest buffers first; returns the arena's size.
  /// - Parameter unit: what no two buffers share a part of; a cache line.
  private static func assign(_ buffers: inout [Buffer], unit: Int = 16) -> Int {
    var end = 0
    var placed: [Int] = []
    let order = buffers.indices.filter { buffers[$0].count > 0 && buffers[$0].isUsed }
      .sorted { (buffers[$0].count, $1) > (buffers[$1].count, $0) }
    for index in order {
      let size = (buffers[index].count + unit - 1) / unit * unit
      let rivals = placed.filter {
        buffers[$0].first <= buffers[index].last && buffers[index].first <= buffers[$0].last
      }
      var offset = 0
      for rival in rivals.sorted(by: { buffers[$0].offset < buffers[$1].offset }) {
        if buffers[rival].offset >= offset + size { break }
        offset = max(offset, buffers[rival].offset + (buffers[rival].count + unit - 1) / unit * unit)
      }
      buffers[index].offset = offset
      end = max(end, offset + size)
      placed.append(index)
    }
    return end
  }
}
