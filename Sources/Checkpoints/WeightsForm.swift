// What of a model's weights a folder holds, and under which names.
import Base
import Tensors

package enum WeightsForm: Sendable {
  /// All of them: a Hugging Face model.
  case model
  /// Those that are trained, under the model's own names: the others are those of the base.
  case trainedPart
  /// Those that are trained, as PEFT writes them, with its adapter_config.json.
  case adapter(config: JSON)

  package static let adapterConfig = "adapter_config.json"
  /// What PEFT puts before every name.
  private static let prefix = "base_model.model."

  /// Whether config.json belongs to it.
  var holdsConfig: Bool {
    if case .adapter = self { false } else { true }
  }

  /// Whether a parameter belongs to it.
  func holds(_ spec: ParameterSpec) -> Bool {
    switch self {
    case .model: true
    case .trainedPart: spec.trains
    case .adapter: spec.isOfAdapter
    }
  }

  /// Of the names of its files.
  package var stem: String {
    if case .adapter = self { "adapter_model" } else { "model" }
  }

  package func tensor(of parameter: String) -> String {
    if case .adapter = self { Self.prefix + parameter } else { parameter }
  }

  /// The inverse of `tensor(of:)`.
  func parameter(of tensor: String) -> String {
    guard case .adapter = self, tensor.hasPrefix(Self.prefix) else { return tensor }
    return String(tensor.dropFirst(Self.prefix.count))
  }

  /// Under which key of the files' metadata the fingerprint of the base stands.
  package static let fingerprintKey = "base_fingerprint"
  /// And what PEFT has no place for: the head of an adapter, its labels, and what these mean.
  static let headKey = "head"
  static let labelsKey = "labels"
  static let labelKindKey = "problem_type"
}
