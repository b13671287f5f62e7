// What a run needs in memory, by part, before any of it is allocated.
//
// The estimate is exact where memory is planned. Weights, shards and exchange come from the functions that lay them
// out; activations come from a program that is recorded and never run. Only the base was measured.
import Base
import Models
import Sharding
import Tensors

/// Bytes of one rank, by part.
package struct MemoryEstimate: Sendable {
  package struct Part: Sendable {
    package let name: String
    package let bytes: Int
    /// Whether it belongs to the model's states, which the formulas in bytes per parameter count.
    package let isOfModel: Bool
  }

  package let parts: [Part]
  package var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }
  /// Weights, master weights, gradients and optimizer states.
  package var modelBytes: Int { parts.reduce(0) { $0 + ($1.isOfModel ? $1.bytes : 0) } }
  /// The bytes of the weights that the ranks of a host hold together.
  package let sharedBytes: Int
  /// Bytes of shared weights, libraries and MPI's buffers that count in this rank's RSS, though the prediction counts
  /// them for its neighbours on the host.
  package let seenBytes: Int
  /// The bytes of activations that wait on a disk.
  package let offloadedBytes: Int

  /// The memory in use before there is a model, measured (docs/plan.md): libraries, held once per host, with oneDNN
  /// or room for packed operands for bfloat16; MPI's buffers for messages inside a host, per rank; heap; stacks and
  /// buffers, per thread.
  private static let libraries = 28_000_000
  private static let librariesWithHalves = 36_000_000
  private static let messages = 3_400_000
  private static let heap = 600_000
  private static let baseOfThread = 4_000_000

  /// - Parameter map: the map of the rank that is estimated; its stage is that of the shape.
  package init(_ map: ShardMap, _ program: ProgramEstimate, _ shape: RunShape, _ place: Placement) {
    let layout = map.layout
    let float = MemoryLayout<Float>.size
    let line = WeightLine.room(layout, type: program.trainedType) * float
    let frozen = program.frozenBytes / max(min(place.ranksPerHost, place.ranks), 1)
    let sharing = shape.sharesHostWeights(place) ? place.ranksPerHost : 1
    let exchange = GradientSum.exchangeBytes(
      map: map, room: program.gradients, exact: shape.exact, wire: shape.wire,
      remote: place.ranks - min(place.ranksPerHost, place.ranks))
    sharedBytes = sharing > 1 ? line : 0
    offloadedBytes = program.offloaded * float
    let local = place.ranksPerHost
    let libraries = shape.type == .float32 ? Self.libraries : Self.librariesWithHalves
    seenBytes = (sharedBytes + libraries) * (local - 1) / local + Self.messages * (local - 1)
    func part(_ name: String, _ bytes: Int, isOfModel: Bool = false) -> Part {
      Part(name: name, bytes: bytes, isOfModel: isOfModel)
    }
    var parts = [
      part(
        "weights",
        line / sharing + WeightLine.vectorRoom(layout, type: program.trainedType) * float + frozen,
        isOfModel: true),
      part(
        "masters", program.trainedType == .float32 || shape.offloads ? 0 : map.heldCount * float,
        isOfModel: true),
      part("gradients", map.heldCount * float, isOfModel: true),
      part(
        "states", shape.offloads ? 0 : ShardedOptimizer.stateBytes(map: map, rule: shape.rule),
        isOfModel: true),
      part("exchange", exchange.written + exchange.received),
      // The arena, and the records of the programs that share it.
      part("activations", program.activations * float + program.recordBytes * shape.programs),
      part(
        "base", libraries / local + Self.messages + Self.heap + Self.baseOfThread * place.threads),
    ]
    switch shape.reference {
    case .none: break
    case .trained: parts.append(part("reference", line / sharing))
    case .all: parts.append(part("reference", line / max(local, 1) + frozen))
    }
    if program.rolloutBytes > 0 {
      parts.append(part("weights of rollouts", program.rolloutBytes / max(min(local, place.ranks), 1)))
    }
    if shape.anchors > 0 {
      let owned = map.slices.reduce(0) { $0 + $1[map.rank].count }
      parts.append(part("first weights", shape.anchors * owned * float))
    }
    let working = shape.rule.workingCount(in: layout)
    if working > 0 { parts.append(part("update", working * float)) }
    if program.contextBytes > 0 { parts.append(part("context", program.contextBytes)) }
    if program.evaluationBytes > 0 { parts.append(part("evaluation", program.evaluationBytes)) }
    if shape.dataBytes > 0 { parts.append(part("data", shape.dataBytes)) }
    self.parts = parts
  }
}
