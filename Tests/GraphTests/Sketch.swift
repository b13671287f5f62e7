// A small model as data: Graph records it, and the fp64 reference computes it, from the same lines.
import Graph
import Tensors

/// The operations in order; each is named by its index.
struct Sketch {
  enum Step {
    case embedding(String, columns: Int)
    case positions(Int, String)
    case linear(Int, [(String, columns: Int)], bias: Bool, layout: WeightLayout)
    case norm(Int, String, centred: Bool)
    case gelu(Int)
    case gaussianGELU(Int)
    case tanh(Int)
    case types(Int, String)
    case swiGLU(Int)
    case add(Int, Int)
    case dropout(Int, Double)
    case attention(AttentionStep)
    case headNorm(Int, String, groups: Int)
    case geGLU(Int)
    case distanceBias(String, DistanceBuckets, heads: Int)
  }

  /// Queries, keys and values side by side in `q`, or each in a value of its own.
  struct AttentionStep {
    let q: Int
    var k: Int?
    var v: Int?
    let heads: Int
    let keyHeads: Int
    let width: Int
    /// The width of the part of a head that is rotated.
    var rotated = 0
    var isCausal = true
    var scale: Double?
    var window: Int?
    var softCap: Double?
    var bias: Int?
    var interleaved = false
    /// Whether `k` holds keys and values of the source, which here is the text itself.
    var isOfSource = false
    var dropout = 0.0

    var form: AttentionForm {
      AttentionForm(
        heads: heads, keyHeads: keyHeads, headWidth: width,
        rotary: rotated > 0 ? RotaryTable(frequencies: Sketch.frequencies(width: rotated)) : nil,
        isCausal: isCausal, scale: scale, window: window, softCap: softCap, dropout: dropout)
    }
  }

  static let epsilon = 1e-5
  static let maximumLength = 160

  let vocabulary: Int
  private(set) var steps: [(step: Step, block: Int?)] = []
  /// Columns of each step's output.
  private(set) var columns: [Int] = []
  var head = (input: 0, weight: "")
  private var block: Int?
  private var blocks = 0

  init(vocabulary: Int) { self.vocabulary = vocabulary }

  mutating func append(_ step: Step) -> Int {
    steps.append((step, block))
    switch step {
    case .embedding(_, let width): columns.append(width)
    case .linear(_, let parts, _, _): columns.append(parts.reduce(0) { $0 + $1.columns })
    case .swiGLU(let x), .geGLU(let x): columns.append(columns[x] / 2)
    case .attention(let step): columns.append(step.heads * step.width)
    case .distanceBias: columns.append(0)
    case .positions(let x, _), .types(let x, _), .norm(let x, _, _), .gelu(let x), .gaussianGELU(let x),
      .tanh(let x), .add(let x, _), .dropout(let x, _), .headNorm(let x, _, _):
      columns.append(columns[x])
    }
    return steps.count - 1
  }

  mutating func linear(
    _ x: Int, _ name: String, _ columns: Int, bias: Bool = true, layout: WeightLayout = .outputByInput
  ) -> Int {
    append(.linear(x, [(name, columns: columns)], bias: bias, layout: layout))
  }

  mutating func begin() {
    block = blocks
    blocks += 1
  }

  mutating func end() { block = nil }

  mutating func inBlock(_ body: (inout Sketch) -> Void) {
    begin()
    body(&self)
    end()
  }

  static func frequencies(width: Int) -> [Float] { (0..<width / 2).map { 1 / Float(1 + 3 * $0) } }

  func record(on graph: Graph) {
    var values: [Value] = []
    var place = 0
    while place < steps.count {
      let block = steps[place].block
      let end = steps[place...].firstIndex { $0.block != block } ?? steps.count
      func run() { for index in place..<end { values.append(record(steps[index].step, values, graph)) } }
      if block == nil { run() } else { graph.layer { run() } }
      place = end
    }
    graph.languageModelHead(values[head.input], weight: head.weight, vocabulary: vocabulary)
  }

  private func record(_ step: Step, _ values: [Value], _ graph: Graph) -> Value {
    switch step {
    case .embedding(let name, let columns):
      return graph.embedding(name, vocabulary: vocabulary, columns: columns)
    case .positions(let x, let name):
      return graph.addPositions(values[x], name, positions: Self.maximumLength)
    case .linear(let x, let parts, let bias, let layout):
      return graph.linear(values[x], parts, bias: bias, layout: layout)
    case .norm(let x, let name, let centred):
      return centred
        ? graph.layerNorm(values[x], name, epsilon: Self.epsilon)
        : graph.rmsNorm(values[x], name, epsilon: Self.epsilon)
    case .types(let x, let name): return graph.addTypes(values[x], name, types: 2)
    case .gelu(let x): return graph.gelu(values[x])
    case .gaussianGELU(let x): return graph.gelu(values[x], .gaussian)
    case .tanh(let x): return graph.tanh(values[x])
    case .swiGLU(let x): return graph.swiGLU(values[x])
    case .add(let a, let b): return graph.add(values[a], values[b])
    case .dropout(let x, let probability): return graph.dropout(values[x], probability)
    case .headNorm(let x, let name, let groups):
      return graph.rmsNorm(values[x], name, epsilon: Self.epsilon, groups: groups, plusOne: true)
    case .geGLU(let x): return graph.geGLU(values[x])
    case .distanceBias(let name, let buckets, let heads):
      return graph.distanceBias(name, buckets, heads: heads)
    case .attention(let step):
      let bias = step.bias.map { values[$0] }
      if step.isOfSource, let k = step.k {
        return graph.sourceAttention(values[step.q], values[k], step.form)
      }
      guard let k = step.k, let v = step.v else {
        return graph.attention(
          values[step.q], step.form, headStride: step.interleaved ? 3 * step.width : nil, bias: bias)
      }
      return graph.attention(values[step.q], values[k], values[v], step.form, bias: bias)
    }
  }
}
