// The order in which a program runs: forward, backward, and what is computed again in between.

/// One entry of the order.
enum Phase: Sendable, Equatable {
  case forward(Int)
  /// Forward once more, before backward needs its outputs.
  case again(Int)
  case backward(Int)

  /// For people.
  var label: String {
    switch self {
    case .forward: return "forward"
    case .again: return "forward again"
    case .backward: return "backward"
    }
  }

  /// The operation that runs.
  var node: Int {
    switch self {
    case .forward(let index), .again(let index), .backward(let index): return index
    }
  }

  var isForward: Bool {
    if case .forward = self { true } else { false }
  }
}

/// Which activations are computed again in backward instead of stored.
package enum Recompute: String, Sendable, CaseIterable {
  /// Only what costs less to compute than to keep: norms and activation functions.
  case none
  /// Each block keeps its input only.
  case layer
}

/// The entries, and which values live twice: from forward, and from their second run.
struct RunOrder: Sendable {
  private(set) var entries: [Phase] = []
  /// By entry: whether the one after it is done along with it, tile by tile.
  private(set) var leads: [Bool] = []
  /// By value: the block it was made in, or nil.
  private let blocks: [Int?]
  /// By value: whether it is made a second time.
  private var isMadeAgain: [Bool]
  private let recompute: Recompute

  init(_ nodes: [Node], values: Int, training: Bool, recompute: Recompute) {
    self.recompute = recompute
    var blocks = [Int?](repeating: nil, count: values)
    var makers = [Int](repeating: 0, count: values)
    for (index, node) in nodes.enumerated() {
      for value in node.outputs + node.auxiliaries {
        blocks[value.id] = node.block
        makers[value.id] = index
      }
    }
    self.blocks = blocks
    isMadeAgain = [Bool](repeating: false, count: values)
    guard training else {
      entries = nodes.indices.map { .forward($0) }
      leads = Self.leads(entries, nodes)
      return
    }
    // The loss and its gradient are made in one pass, in backward.
    let last = nodes.count - 1
    entries = (0..<last).map { .forward($0) }
    var ready: Int?
    // Where no gradient goes there is no backward, and nothing is kept for it.
    for index in nodes.indices.reversed()
    where index == last || nodes[index].outputs.contains(where: \.needsGradient) {
      if recompute == .layer, let block = nodes[index].block {
        if block != ready {
          ready = block
          for again in nodes.indices where nodes[again].block == block { runAgain(again, nodes) }
        }
      } else if index != last {
        for input in nodes[index].operation.keeps.inputs {
          let value = nodes[index].inputs[input]
          let maker = makers[value.id]
          guard Self.isLight(nodes, maker, makers), !isMadeAgain[value.id] else { continue }
          runAgain(maker, nodes)
        }
      }
      entries.append(.backward(index))
    }
    leads = Self.leads(entries, nodes)
  }

  /// An elementwise operation goes along with the product whose output it reads.
  private static func leads(_ entries: [Phase], _ nodes: [Node]) -> [Bool] {
    entries.indices.map { time in
      guard time + 1 < entries.count else { return false }
      let maker: Node
      let follower: Node
      switch (entries[time], entries[time + 1]) {
      case (.forward(let first), .forward(let second)), (.again(let first), .again(let second)):
        (maker, follower) = (nodes[first], nodes[second])
      default: return false
      }
      return maker.operation is any TileMaker && follower.operation is any TileFollower
        && follower.inputs.contains(maker.outputs[0])
        && follower.inputs.allSatisfy { $0.rows == maker.outputs[0].rows }
    }
  }

  private mutating func runAgain(_ index: Int, _ nodes: [Node]) {
    entries.append(.again(index))
    for value in nodes[index].outputs + nodes[index].auxiliaries { isMadeAgain[value.id] = true }
  }

  /// Light operations on what is kept anyway; one on another light one would need a chain of second runs.
  private static func isLight(_ nodes: [Node], _ index: Int, _ makers: [Int]) -> Bool {
    nodes[index].operation.isLight
      && nodes[index].inputs.allSatisfy { !nodes[makers[$0.id]].operation.isLight }
  }

  /// Whether an operation of that entry sees the value of the second run.
  func isSecond(_ value: Value, for node: Node, in phase: Phase) -> Bool {
    guard !phase.isForward, isMadeAgain[value.id] else { return false }
    // Of another block's values only the input is there, and it is the first one.
    return recompute != .layer || blocks[value.id] == node.block
  }
}
