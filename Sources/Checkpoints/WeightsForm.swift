// What of a model's weights a folder holds, and under which names.
import Adapters
import Base
import Graph
import Tensors

package enum WeightsForm: Sendable {
  /// All of them: a Hugging Face model.
  case model
  /// Those that are trained, under the model's own names: the others are those of the base.
  case trainedPart
  /// Those that are trained, as PEFT or AdapterHub's `adapters` writes them, with their adapter_config.json.
  case adapter(config: JSON)
  /// All of them, those of each head in a file of its own.
  case heads(HeadFiles)
  /// Those of several adapters, each in a folder of its own.
  case adapters(AdapterFiles)

  package static let adapterConfig = "adapter_config.json"
  /// What PEFT puts before every name: with virtual tokens, no module of an adapter stands around the model.
  private var prefix: String {
    guard case .adapter(let config) = self, let type = config["peft_type"]?.text else {
      return "base_model.model."
    }
    return ["PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING"].contains(type) ? "base_model." : "base_model.model."
  }

  /// Whether a name is that of a prompt's vectors, or of what makes them in training.
  static func isOfPrompt(_ name: String) -> Bool { name == Prompt.vectors || isOfEncoder(name) }
  static func isOfEncoder(_ name: String) -> Bool { name.hasPrefix(Prompt.encoderPrefix) }

  /// The form of an adapter's folder.
  package static func adapter(in folder: String) throws -> WeightsForm {
    .adapter(config: try OpenFile.json(folder + "/" + adapterConfig))
  }

  /// Whether config.json belongs to it.
  var holdsConfig: Bool {
    switch self {
    case .adapter, .adapters: false
    case .model, .trainedPart, .heads: true
    }
  }

  /// The name of an adapter of AdapterHub's; nil for other forms.
  var hubName: String? {
    guard case .adapter(let config) = self, BottleneckAdapters.isConfig(config) else { return nil }
    return config["name"]?.text ?? BottleneckAdapters.usualName
  }

  /// Whether a parameter belongs to it.
  /// - Parameter isRun: whether a run goes on from the folder; without that, an encoder is left out for what it makes,
  ///   and so is a value head.
  func holds(_ spec: ParameterSpec, ofRun isRun: Bool) -> Bool {
    if !isRun, ValueHead.owns(spec.name) { return false }
    return switch self {
    case .model, .heads: true
    case .trainedPart: spec.trains
    case .adapters: spec.isOfAdapter
    case .adapter: spec.isOfAdapter && (isRun || !Self.isOfEncoder(spec.name))
    }
  }

  /// Of the names of its files, of which the first is always there.
  package var stems: [String] {
    if case .heads(let heads) = self { return heads.stems }
    if case .adapters(let adapters) = self { return adapters.stems }
    guard case .adapter = self else { return ["model"] }
    return hubName == nil ? ["adapter_model"] : ["adapter", "model_head"]
  }

  /// Which of the files a parameter is in.
  func file(of spec: ParameterSpec) -> Int {
    if case .heads(let heads) = self { return heads.file(of: spec.name) }
    if case .adapters(let adapters) = self { return adapters.file(of: spec.name) }
    return hubName == nil || spec.isAdded ? 0 : 1
  }

  /// The tensors of a folder of this form.
  package func open(_ folder: String) throws -> HuggingFaceWeights {
    try HuggingFaceWeights(folder: folder, stem: stems[0], beside: Array(stems.dropFirst()))
  }

  package func tensor(of parameter: String) -> String {
    if case .heads(let heads) = self { return heads.tensor(of: parameter) }
    if case .adapters(let adapters) = self { return adapters.tensor(of: parameter) }
    guard case .adapter = self, !Self.isOfPrompt(parameter) else { return parameter }
    guard let hubName else { return prefix + parameter }
    return parameter.replacing(Bottleneck.infix, with: Bottleneck.infix + hubName + ".", maxReplacements: 1)
  }

  /// The inverse of `tensor(of:)`.
  func parameter(of tensor: String) -> String {
    guard case .adapter = self else { return tensor }
    if let hubName {
      return tensor.replacing(Bottleneck.infix + hubName + ".", with: Bottleneck.infix, maxReplacements: 1)
    }
    return tensor.hasPrefix(prefix) ? String(tensor.dropFirst(prefix.count)) : tensor
  }

  /// Under which key of the files' metadata the fingerprint of the base stands.
  package static let fingerprintKey = "base_fingerprint"
  /// And what PEFT has no place for: the head of an adapter, its labels, and what these mean.
  static let headKey = "head"
  static let labelsKey = "labels"
  static let labelKindKey = "problem_type"
}
