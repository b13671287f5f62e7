// The nonlinear functions of feed-forward parts, by the names that transformers has for them (`ACT2FN`).
import Base
import Graph

package enum Activation: Sendable, Equatable {
  case gelu(GELUForm)
  case relu

  private static let names: [(Activation, [String])] = [
    (.gelu(.gaussian), ["gelu", "gelu_python"]),
    (.gelu(.tanh), ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast"]),
    (.relu, ["relu"]),
  ]

  /// - Returns: nil for a function that no family here computes.
  package init?(name: String) {
    guard let known = Self.names.first(where: { $0.1.contains(name) }) else { return nil }
    self = known.0
  }

  /// The function that a key of config.json names.
  init(_ config: ModelConfig, _ key: String, default fallback: String = "gelu") {
    let name = config.text(key, default: fallback)
    guard let known = Activation(name: name) else {
      config.fail(key, "\"\(name)\" is not supported", hint: "gelu, gelu_new and relu are")
      self = .gelu(.gaussian)
      return
    }
    self = known
  }

  package func record(_ x: Value, on graph: Graph) -> Value {
    switch self {
    case .gelu(let form): graph.gelu(x, form)
    case .relu: graph.relu(x)
    }
  }
}
