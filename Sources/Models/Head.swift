// What stands on the hidden states of a model, as the auto classes of transformers name it.
import Base
import Graph

package enum Head: Equatable, Sendable {
  /// `AutoModel`: nothing.
  case none
  /// `AutoModelForCausalLM`: the logits of the next token.
  case languageModel
  /// `AutoModelForSequenceClassification`: the logits of labels, for each sequence as a whole.
  case labels([String])

  private static let labelsClass = "ForSequenceClassification"
  /// `problem_type` of labels that exclude each other.
  static let oneLabelARow = "single_label_classification"

  /// The head of a stored model: that of the first of its `architectures`, or the family's usual one.
  init(_ config: ModelConfig, of family: any ModelFamily.Type) {
    let architecture = config.texts("architectures").first ?? ""
    if architecture.hasSuffix(Self.labelsClass) {
      self = .labels(Self.labels(config))
    } else {
      self = family.languageModelClass == nil ? .none : .languageModel
    }
  }

  /// `id2label` in the order of its numbers, or as many labels as `num_labels` says, as transformers names them.
  private static func labels(_ config: ModelConfig) -> [String] {
    let names = config.part("id2label").members.map { (id: Int($0.key), name: $0.value) }
    guard !names.isEmpty else {
      return unnamedLabels(config.integer("num_labels", default: 2, in: 1...1 << 20))
    }
    let sorted = names.sorted { ($0.id ?? -1) < ($1.id ?? -1) }
    guard sorted.enumerated().allSatisfy({ $0.offset == $0.element.id && $0.element.name.text != nil }) else {
      config.fail("id2label", "does not name the labels 0, 1, … one by one")
      return unnamedLabels(names.count)
    }
    return sorted.map { $0.name.text ?? "" }
  }

  /// As transformers calls labels that nobody has named.
  package static func unnamedLabels(_ count: Int) -> [String] { (0..<count).map { "LABEL_\($0)" } }

  /// What config.json says of it.
  func settings(of family: any ModelFamily.Type) -> [(key: String, value: JSON)] {
    switch self {
    case .none: [("architectures", .array([.string(family.className + "Model")]))]
    case .languageModel: [("architectures", .array([.string(family.languageModelClass ?? "")]))]
    case .labels(let labels):
      [
        ("architectures", .array([.string(family.className + Self.labelsClass)])),
        ("id2label", .object(labels.enumerated().map { member("\($0.offset)", .string($0.element)) })),
        ("label2id", .object(labels.enumerated().map { member($0.element, .integer($0.offset)) })),
        ("problem_type", .string(Self.oneLabelARow)),
      ]
    }
  }

  /// Records it on the hidden states.
  /// - Returns: [B, labels] for labels. A language-model head is the last operation: it gives loss or logits.
  package func record(_ hidden: Value, of family: any ModelFamily, on graph: Graph) -> Value? {
    switch self {
    case .none: return hidden
    case .languageModel:
      graph.languageModelHead(hidden, weight: family.outputEmbedding, vocabulary: family.vocabulary)
      return nil
    case .labels(let labels):
      return graph.head { family.classify(hidden, labels: labels.count, graph) }
    }
  }
}

private func member(_ key: String, _ value: JSON) -> JSON.Member {
  JSON.Member(key: Array(key.utf8), value: value)
}
