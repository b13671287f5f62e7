// The order in which a program runs: forward, backward, and what is computed again in between.

/// One entry of the order.
enum Phase: Sendable, Equatable {
  case forward(Int)
  /// Forward once more, before backward needs its outputs.
  case again(Int)
  case backward(Int)

  /// A name for people to read.
  var label: String {
    switch self {
    case .forward: return "forward"
    case .again: return "forward again"
    case .backward: return "backward"
    }
  }

  /// The operation that this entry runs.
  var node: Int {
    switch self {
    case .forward(let index), .again(let index), .backward(let index): return index
    }
  }

  var isForward: Bool {
    if case .forward = self { true } else { false }
  }
}

/// What a run does next.
package struct ProgramEntry: Sendable {
  package let isBackward: Bool
  /// The parameters that it reads, as indices into the layout.
  package let parameters: [Int]
  /// Whether it reads only the rows of the batch's tokens of them.
  package let looksUpTokens: Bool

  init(_ phase: Phase, _ node: Node) {
    isBackward = !phase.isForward
    parameters = node.parameters
    looksUpTokens = node.operation.looksUpTokens
  }
}

/// How far a run has come.
package struct ProgramProgress: Sendable {
  package let isBackward: Bool
  /// The block of layers, or nil outside of them.
  package let layer: Int?
}

/// Which activations are computed again in backward instead of being stored.
package enum Recompute: String, Sendable, CaseIterable {
  /// Only those that cost less to compute than to keep: norms and activation functions.
  case none
  /// Also attention and the projections that it reads (a kind of selective recomputation, Korthikanti et al. 2022).
  case attention
  /// Each block keeps its input only.
  case layer

  /// Its place among all, from the least to the most that is computed again.
  package var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// The entries, and which values live twice: once from forward, and once from their second run.
struct RunOrder: Sendable {
  private(set) var entries: [Phase] = []
  /// For each entry, whether the next one runs together with it, tile by tile.
  private(set) var leads: [Bool] = []
  /// For each value, the block that it was made in, or nil, and the operation that made it.
  private var layers: [Int?]
  private var makers: [Int]
  /// For each value, whether it is made a second time.
  private var isMadeAgain: [Bool]
  private let recompute: Recompute

  init(_ nodes: [Node], values: Int, training: Bool, recompute: Recompute) {
    self.recompute = recompute
    layers = [Int?](repeating: nil, count: values)
    makers = [Int](repeating: 0, count: values)
    isMadeAgain = [Bool](repeating: false, count: values)
    for (index, node) in nodes.enumerated() {
      for value in node.outputs + node.auxiliaries {
        layers[value.id] = node.layer
        makers[value.id] = index
      }
    }
    guard training else {
      entries = nodes.indices.map { .forward($0) }
      leads = Self.leads(entries, nodes)
      return
    }
    let isDropped = dropped(nodes)
    let runsTwice = nodes.indices.map { isDropped[$0] || isLight(nodes, $0) }
    // Backward computes the loss and its gradient in one pass.
    let last = nodes.count - 1
    entries = (0..<last).map { .forward($0) }
    // If no gradient goes there, there is no backward, and nothing is kept for it.
    for index in nodes.indices.reversed()
    where index == last || nodes[index].outputs.contains(where: \.needsGradient) {
      let node = nodes[index]
      if index != last {
        for input in node.operation.keeps.inputs {
          makeAgain(node.inputs[input], for: node, nodes, runsTwice)
        }
      }
      // An output that is cheap to compute is not stored if no other operation needs it.
      if isDropped[index] {
        let outputs = node.operation.keeps.outputs.map { node.outputs[$0] }
        for value in outputs + node.auxiliaries { makeAgain(value, for: node, nodes, runsTwice) }
      }
      entries.append(.backward(index))
    }
    leads = Self.leads(entries, nodes)
  }

  /// An elementwise operation runs together with the product whose output it reads.
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

  /// Runs the maker of a value again, after the makers of its inputs, if those run twice.
  private mutating func makeAgain(_ value: Value, for reader: Node, _ nodes: [Node], _ runsTwice: [Bool]) {
    let maker = makers[value.id]
    guard runsTwice[maker], !isMadeAgain[value.id], sees(value, reader) else { return }
    for input in nodes[maker].inputs { makeAgain(input, for: nodes[maker], nodes, runsTwice) }
    entries.append(.again(maker))
    for value in nodes[maker].outputs + nodes[maker].auxiliaries { isMadeAgain[value.id] = true }
  }

  /// Operations whose outputs are not kept, whatever they cost.
  private func dropped(_ nodes: [Node]) -> [Bool] {
    var isDropped = nodes.map { recompute == .layer && $0.layer != nil }
    guard recompute == .attention else { return isDropped }
    for index in nodes.indices where nodes[index].operation.isAttention {
      isDropped[index] = true
      for input in nodes[index].inputs {
        let maker = makers[input.id]
        isDropped[maker] = true
        // Queries and keys may have norms behind their projections.
        guard nodes[maker].operation.isLight else { continue }
        for input in nodes[maker].inputs { isDropped[makers[input.id]] = true }
      }
    }
    return isDropped
  }

  /// Light operations on values that are kept anyway; a light operation on the output of another would need a chain
  /// of second runs.
  private func isLight(_ nodes: [Node], _ index: Int) -> Bool {
    nodes[index].operation.isLight
      && nodes[index].inputs.allSatisfy { !nodes[makers[$0.id]].operation.isLight }
  }

  /// Whether an operation would see a second run of the value. Of another block's values it sees only the first run
  /// of the block's input.
  private func sees(_ value: Value, _ node: Node) -> Bool {
    recompute != .layer || layers[value.id] == node.layer
  }

  /// Whether an operation of that entry sees the second run of the value.
  func isSecond(_ value: Value, for node: Node, in phase: Phase) -> Bool {
    !phase.isForward && isMadeAgain[value.id] && sees(value, node)
  }
}
