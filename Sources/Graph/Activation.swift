// The nonlinear functions of one number, by the names that transformers has for them (`ACT2FN`).

package enum Activation: Sendable, Equatable {
  case gelu(GELUForm)
  case relu
  case silu
  case tanh

  private static let names: [(Activation, [String])] = [
    (.gelu(.gaussian), ["gelu", "gelu_python"]),
    (.gelu(.tanh), ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast"]),
    (.relu, ["relu"]), (.silu, ["silu", "swish"]), (.tanh, ["tanh"]),
  ]

  /// - Returns: nil for a function that is not built in.
  package init?(name: String) {
    guard let known = Self.names.first(where: { $0.1.contains(name) }) else { return nil }
    self = known.0
  }

  package func record(_ x: Value, on graph: Graph) -> Value {
    switch self {
    case .gelu(let form): graph.gelu(x, form)
    case .relu: graph.relu(x)
    case .silu: graph.silu(x)
    case .tanh: graph.tanh(x)
    }
  }
}
