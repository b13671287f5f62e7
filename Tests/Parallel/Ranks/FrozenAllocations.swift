// Heap allocations of a program with low-rank terms, bottlenecks or virtual tokens on frozen weights, counted as those of training
// steps are.
import Graph
import Kernels
import Reference
import Tensors

private struct EverywhereLowRank: Adaptation {
  func trains(_ parameter: String) -> Bool { false }
  func lowRank(at projection: String, inputs: Int, outputs: Int) -> LowRank? {
    LowRank(rank: 4, scale: 2, dropout: 0.1)
  }
}

private struct EverywhereBottleneck: Adaptation {
  func trains(_ parameter: String) -> Bool { false }
  func bottleneck(at part: LayerPart) -> Bottleneck? {
    var bottleneck = Bottleneck(columns: 6, activation: .silu)
    bottleneck.readsSum = true
    bottleneck.scale = 2
    bottleneck.dropout = 0.1
    return bottleneck
  }
}

private struct PromptAlone: Adaptation {
  let vectors: Prompt
  var prompt: Prompt? { vectors }
  func trains(_ parameter: String) -> Bool { false }
}

private struct DrawnWeights: WeightReader {
  func read(_ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
    var draw = Draw(parameter)
    for (place, value) in draw.floats(elements.count, scale: 0.1).enumerated() { target[place] = value }
  }
}

/// What forward and backward widen into is there after the first run, on every thread: which of them sees the largest
/// tile is left to chance.
func checkFrozenAllocations(_ outcome: inout Outcome) throws {
  guard let count = AllocationCount() else {
    return outcome.expect(false, "the counting library is not loaded")
  }
  let (vocabulary, width) = (50, 96)
  func record(_ graph: Graph) {
    let x = graph.embedding("table", vocabulary: vocabulary, columns: width)
    let gates = graph.linear(x, [("gate", columns: 2000), ("up", columns: 2000)], bias: false)
    let y = graph.linear(graph.swiGLU(gates), "down", columns: width, bias: true, layout: .inputByOutput)
    let qkv = graph.linear(y, "qkv", columns: 3 * width, bias: false)
    let z = graph.attention(qkv, heads: 4, keyHeads: 4, headWidth: width / 4)
    graph.languageModelHead(
      graph.addPart(z, to: x, .feedForward, "part"), weight: "head", vocabulary: vocabulary)
  }
  let inOrder: TileRunner = { tiles, body in (0..<tiles).forEach(body) }
  let shape = BatchShape(sequences: 2, length: 40)
  let tokens = (0..<shape.rows).map { Int32($0 % vocabulary) }
  let positions = (0..<shape.rows).map { Int32($0 % shape.length) }
  let firstKeys = [Int32](repeating: 0, count: shape.rows)
  let endKeys = positions.map { $0 + 1 }
  let input = { (body: (GraphInput) -> Double) in
    tokens.withUnsafeBufferPointer { tokens in
      positions.withUnsafeBufferPointer { positions in
        firstKeys.withUnsafeBufferPointer { firstKeys in
          endKeys.withUnsafeBufferPointer { endKeys in
            let keys = KeyIntervals(first: firstKeys.baseAddress!, end: endKeys.baseAddress!)
            let stream = TokenStream(
              tokens: tokens.baseAddress!, positions: positions.baseAddress!, keys: keys)
            return body(
              GraphInput(stream: stream, targets: tokens.baseAddress!, sampleIDs: positions.baseAddress!))
          }
        }
      }
    }
  }
  let prefix = Prompt.Place.keysAndValues(layers: 1, columns: width)
  let prompts = [
    Prompt(count: 3, place: .embeddings, encoder: .lstm(hidden: 7, layers: 2, dropout: 0.1)),
    Prompt(count: 3, place: .embeddings, encoder: .mlp(hidden: 7)), Prompt(count: 3, place: prefix),
    Prompt(count: 3, place: prefix, encoder: .projection(inputs: 8, hidden: 7)),
  ]
  let storages = [FrozenStorage.int8, .nf4(doubleQuantization: false), .nf4(doubleQuantization: true)]
  var cases: [(any Adaptation, ElementType, FrozenStorage)] = prompts.map {
    (PromptAlone(vectors: $0), .float32, .int8)
  }
  for type in ElementType.allCases {
    cases += storages.map { (EverywhereLowRank(), type, $0) }
    cases += storages.map { (EverywhereBottleneck(), type, $0) }
  }
  for (adaptation, type, storage) in cases {
    let layout = ParameterLayout(specs: Graph.parameters(adaptation, of: record))
    let line = WeightLine(layout.trained, type: .float32)
    try line.fill(0..<layout.trainedCount, from: DrawnWeights(), on: inOrder)
    // A new engine each time, whose rooms are empty; without oneDNN, whose own allocations are its business.
    let engine = try Engine(threads: 3, halfKernels: .widened)
    let frozen = FrozenStore(FrozenPlan(layout, FrozenForm(projections: storage), type: type))
    try frozen.fill(from: DrawnWeights(), on: inOrder)
    let store = WeightStore(layout, trained: line, frozen: frozen, type: type)
    let graph = Graph(
      layout: layout, type: type, trainedType: .float32, shape: shape, purpose: .training,
      adaptation: adaptation)
    record(graph)
    let program = Program(graph, threads: 3)
    let arena = Arena()
    func run() -> Double {
      input { program.run($0, weights: store, arena: arena, engine: engine) { _, _ in } }
    }
    _ = run()
    for number in 2...4 {
      let before = count()
      let loss = run()
      let made = count() - before
      outcome.expect(
        loss.isFinite && made == 0, "\(adaptation), \(storage), \(type), run \(number): \(made) allocations")
    }
  }
  let before = count()
  let kept = (0..<2).map { [Int](repeating: $0, count: outcome.ranks.count) }
  outcome.expect(count() - before > kept.count, "allocations are not counted")
}
