// What stands on the hidden states of a model, as the auto classes of transformers name it.
import Base
import Graph

package enum Head: Equatable, Sendable {
  /// `AutoModel`: nothing.
  case none
  /// `AutoModelForCausalLM`: the logits of the next token.
  case languageModel
  /// `AutoModelForMaskedLM`: the logits of every token itself.
  case maskedLanguageModel
  /// `AutoModelForSequenceClassification`: the logits of labels, or numbers, for each sequence as a whole.
  case labels([String], LabelKind = .one)
  /// `AutoModelForTokenClassification`: the logits of labels for each token.
  case tokenLabels([String])
  /// `AutoModelForQuestionAnswering`: for each token, the logits that an answer begins and ends there.
  case spans
  /// `AutoModelForMultipleChoice`: how well each sequence fits, where several compete.
  case choices

  /// What the labels of a sequence mean: `problem_type` of config.json.
  package enum LabelKind: String, CaseIterable, Sendable {
    /// Labels that exclude each other.
    case one = "single_label_classification"
    /// Each label holds or does not.
    case several = "multi_label_classification"
    /// Each label is a number.
    case number = "regression"
  }

  /// What the names of transformers' classes end with.
  package enum Kind: String, CaseIterable, Sendable {
    case none = "Model"
    case languageModel = "ForCausalLM"
    case maskedLanguageModel = "ForMaskedLM"
    case labels = "ForSequenceClassification"
    case tokenLabels = "ForTokenClassification"
    case spans = "ForQuestionAnswering"
    case choices = "ForMultipleChoice"

    /// Those that encoders have.
    static let ofEncoders: [Kind] = [.none, .maskedLanguageModel, .labels, .tokenLabels, .spans, .choices]
  }

  package var kind: Kind {
    switch self {
    case .none: .none
    case .languageModel: .languageModel
    case .maskedLanguageModel: .maskedLanguageModel
    case .labels: .labels
    case .tokenLabels: .tokenLabels
    case .spans: .spans
    case .choices: .choices
    }
  }

  /// Whether it projects onto the vocabulary.
  package var hasVocabulary: Bool { self == .languageModel || self == .maskedLanguageModel }

  /// The labels of sequences or tokens; nil where the head has none.
  package var labels: [String]? {
    switch self {
    case .labels(let labels, _), .tokenLabels(let labels): labels
    default: nil
    }
  }

  /// The head of a stored model: that of the first of its `architectures`, or the family's usual one.
  init(_ config: ModelConfig, of family: any ModelFamily.Type) {
    let architecture = config.texts("architectures").first ?? ""
    let kind = family.heads.first { $0 != .none && architecture.hasSuffix($0.rawValue) }
    switch kind ?? (family.heads.contains(.languageModel) ? .languageModel : .none) {
    case .none: self = .none
    case .languageModel: self = .languageModel
    case .maskedLanguageModel: self = .maskedLanguageModel
    case .labels:
      let labels = Self.labels(config)
      self = .labels(labels, Self.labelKind(config, labels: labels.count))
    case .tokenLabels: self = .tokenLabels(Self.labels(config))
    case .spans: self = .spans
    case .choices: self = .choices
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

  /// Where config.json does not say it, one label is a number, as in transformers.
  private static func labelKind(_ config: ModelConfig, labels: Int) -> LabelKind {
    let usual = labels == 1 ? LabelKind.number : .one
    guard config.isGiven("problem_type"), !config.isNull("problem_type") else { return usual }
    let name = config.text("problem_type")
    guard let kind = LabelKind(rawValue: name) else {
      config.fail(
        "problem_type", "is \(name.quoted)",
        hint: "there are \(LabelKind.allCases.map(\.rawValue).joined(separator: ", "))")
      return usual
    }
    if kind == .one, labels == 1 { config.fail("problem_type", "is \(name.quoted), and there is one label") }
    return kind
  }

  /// As transformers calls labels that nobody has named.
  package static func unnamedLabels(_ count: Int) -> [String] { (0..<count).map { "LABEL_\($0)" } }

  /// What config.json says of it.
  func settings(of family: any ModelFamily.Type) -> [(key: String, value: JSON)] {
    let name = kind == .languageModel ? family.languageModelClass : family.className + kind.rawValue
    var settings = [("architectures", JSON.array([.string(name)]))]
    if let labels {
      settings += [
        ("id2label", .object(labels.enumerated().map { member("\($0.offset)", .string($0.element)) })),
        ("label2id", .object(labels.enumerated().map { member($0.element, .integer($0.offset)) })),
      ]
    }
    if case .labels(_, let kind) = self { settings.append(("problem_type", .string(kind.rawValue))) }
    return settings
  }

  /// The module that ends it, with the modules within; nil where the head is no module of its own.
  package func module(of family: any ModelFamily.Type) -> String? {
    switch self {
    case .none, .languageModel, .maskedLanguageModel: nil
    case .labels, .choices: family.classifier
    case .tokenLabels: family.tokenClassifier
    case .spans: family.spanModule
    }
  }

  /// Records it on the hidden states.
  /// - Parameters:
  ///   - loss: of whole sequences, for a language-model head; nil for the sum over all targets.
  ///   - hasValues: whether a value head stands beside a language-model head.
  /// - Returns: [B, labels] for labels, [B · T, labels] for labels of tokens, [B · T, 2] for spans, [B, 1] for choices. A
  ///   language-model head is the last operation: it gives loss or logits.
  package func record(
    _ hidden: Value, of family: any ModelFamily, on graph: Graph, loss: (any TargetLoss)? = nil,
    hasValues: Bool = false
  ) -> Value? {
    switch self {
    case .none: return hidden
    case .languageModel:
      graph.languageModelHead(
        hidden, weight: family.outputEmbedding, vocabulary: family.vocabulary, cap: family.logitCap,
        loss: loss, hasValues: hasValues)
      return nil
    case .maskedLanguageModel:
      graph.head { family.maskedLanguageModel(hidden, graph) }
      return nil
    case .labels(let labels, _):
      return graph.head { family.classify(hidden, labels: labels.count, graph) }
    case .tokenLabels(let labels):
      return graph.head { family.classifyTokens(hidden, labels: labels.count, graph) }
    case .spans: return graph.head { family.spans(hidden, graph) }
    case .choices: return graph.head { family.choose(hidden, graph) }
    }
  }
}

private func member(_ key: String, _ value: JSON) -> JSON.Member {
  JSON.Member(key: Array(key.utf8), value: value)
}
