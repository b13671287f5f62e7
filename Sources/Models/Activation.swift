// The nonlinear functions of feed-forward parts.
import Base
import Graph

extension Activation {
  /// - Returns: nil for a function that no family here computes.
  package init?(ofFamily name: String) {
    guard let known = Activation(name: name), known != .silu, known != .tanh else { return nil }
    self = known
  }

  /// The function that a key of config.json names.
  init(_ config: ModelConfig, _ key: String, default fallback: String = "gelu") {
    let name = config.text(key, default: fallback)
    guard let known = Activation(ofFamily: name) else {
      config.fail(key, "\"\(name)\" is not supported", hint: "gelu, gelu_new and relu are")
      self = .gelu(.gaussian)
      return
    }
    self = known
  }
}
