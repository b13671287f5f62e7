// What of a model's weights a folder holds, and under which names.
import Base
import Graph
import Tensors

package enum WeightsForm: Sendable {
  /// All of them: a Hugging Face model.
  case model
  /// Those that are trained, under the model's own names: the others are those of the base.
  case trainedPart
  /// Those that are trained, as PEFT writes them, with its adapter_config.json.
  case adapter(config: JSON)

  package static let adapterConfig = "adapter_config.json"
  /// What PEFT puts before every name: with virtual tokens, no module of an adapter stands around the model.
  private var prefix: String {
    guard case .adapter(let config) = self, let type = config["peft_type"]?.text else {
      return "base_model.model."
    }
    return ["PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING"].contains(type) ? "base_model." : "base_model.model."
  }

  /// That of a folder, as its adapter_config.json says.
  static func adapter(in folder: String) -> WeightsForm {
    .adapter(config: (try? OpenFile.json(folder + "/" + adapterConfig)) ?? .null)
  }

  /// Whether a name is that of a prompt's vectors, or of what makes them in training.
  static func isOfPrompt(_ name: String) -> Bool { name == Prompt.vectors || isOfEncoder(name) }
  static func isOfEncoder(_ name: String) -> Bool { name.hasPrefix(Prompt.encoderPrefix) }

  /// Whether config.json belongs to it.
  var holdsConfig: Bool {
    if case .adapter = self { false } else { true }
  }

  /// Whether a parameter belongs to it.
  /// - Parameter isRun: whether a run goes on from the folder; without that, an encoder is left out for what it makes.
  func holds(_ spec: ParameterSpec, ofRun isRun: Bool) -> Bool {
    switch self {
    case .model: true
    case .trainedPart: spec.trains
    case .adapter: spec.isOfAdapter && (isRun || !Self.isOfEncoder(spec.name))
    }
  }

  /// Of the names of its files.
  package var stem: String {
    if case .adapter = self { "adapter_model" } else { "model" }
  }

  package func tensor(of parameter: String) -> String {
    if case .adapter = self, !Self.isOfPrompt(parameter) { prefix + parameter } else { parameter }
  }

  /// The inverse of `tensor(of:)`.
  func parameter(of tensor: String) -> String {
    guard case .adapter = self, tensor.hasPrefix(prefix) else { return tensor }
    return String(tensor.dropFirst(prefix.count))
  }

  /// Under which key of the files' metadata the fingerprint of the base stands.
  package static let fingerprintKey = "base_fingerprint"
  /// And what PEFT has no place for: the head of an adapter, its labels, and what these mean.
  static let headKey = "head"
  static let labelsKey = "labels"
  static let labelKindKey = "problem_type"
}
