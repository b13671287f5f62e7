// A family of models is a configuration and a forward pass.
import Base
import Graph

/// A family reads its part of `config.json` and writes its forward pass once, in the notation of its paper.
///
/// Parameters carry the names they have in a Hugging Face checkpoint; their shapes follow from their use.
package protocol ModelFamily: Sendable {
  /// `model_type` in config.json.
  static var modelType: String { get }
  /// The prefix of names in a checkpoint of the model with its head, which the names of the bare model lack.
  static var basePrefix: String { get }
  /// What transformers' classes of the family begin with.
  static var className: String { get }
  /// The heads that its models have in transformers.
  static var heads: [Head.Kind] { get }
  /// Its class with a language-model head, if it has one.
  static var languageModelClass: String { get }
  /// The module that gives the logits of a sequence's labels.
  static var classifier: String { get }
  /// The module that gives the logits of each token's labels.
  static var tokenClassifier: String { get }
  /// The module that gives the logits of where answers begin and end.
  static var spanModule: String { get }
  /// Whether its models read a source beside the text that they write: encoder-decoders do.
  static var readsSource: Bool { get }
  /// The token that answers to sources begin with, if config.json does not name it.
  static var usualAnswerStart: Int { get }
  /// Whether a token sees only those before it.
  static var isCausal: Bool { get }
  /// How the names of the tensors of heads begin.
  static var headPrefixes: [String] { get }
  /// Other names of parameters in checkpoints.
  static var otherNames: [String: String] { get }
  /// Suffixes of tensors that old checkpoints hold beside the parameters and that carry no information.
  static var ignoredSuffixes: [String] { get }
  /// The parameter that a tied head shares.
  static var embedding: String { get }
  /// The parameter of a head of its own.
  static var head: String { get }
  /// The default of `eos_token_id`, if config.json does not set it.
  static var endOfText: Int? { get }

  /// Whether projections are stored [inputs, outputs].
  static var storesInputsFirst: Bool { get }

  init(_ config: ModelConfig)

  var vocabulary: Int { get }
  /// The longest sequence that the model can read.
  var maximumLength: Int { get }
  /// How many texts of a row the model tells apart by the types of tokens.
  var types: Int { get }
  /// Whether the head is the embedding.
  var tied: Bool { get }
  /// The logits z of the next token become cap · tanh(z / cap); nil for none.
  var logitCap: Double? { get }
  /// The hidden states of every token, ready for a head: [B · T, C].
  func forward(_ graph: Graph) -> Value
  /// The logits of a sequence's labels, [B, labels], as the family's `…ForSequenceClassification` computes them.
  func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value
  /// The logits of each token's labels, [B · T, labels], as `…ForTokenClassification`.
  func classifyTokens(_ hidden: Value, labels: Int, _ graph: Graph) -> Value
  /// Where answers begin and end, [B · T, 2], as `…ForQuestionAnswering`.
  func spans(_ hidden: Value, _ graph: Graph) -> Value
  /// How well each sequence fits, [B, 1], as `…ForMultipleChoice`.
  func choose(_ hidden: Value, _ graph: Graph) -> Value
  /// The last operation of `…ForMaskedLM`.
  func maskedLanguageModel(_ hidden: Value, _ graph: Graph)
  /// The dropout before the classifier of tokens.
  var classifierDropout: Double { get }
}

/// Decoders, unless a family says otherwise.
extension ModelFamily {
  package static var storesInputsFirst: Bool { false }
  /// The head for choices is that for one label; transformers has no class for it.
  package static var heads: [Head.Kind] { [.none, .languageModel, .labels, .choices] }
  package static var languageModelClass: String { className + "ForCausalLM" }
  package static var classifier: String { "score" }
  package static var tokenClassifier: String { "classifier" }
  package static var spanModule: String { "qa_outputs" }
  package static var readsSource: Bool { false }
  package static var usualAnswerStart: Int { 0 }
  package static var isCausal: Bool { true }
  package var logitCap: Double? { nil }
  /// Decoders read no types, so that any will do.
  package var types: Int { 2 }
  package static var headPrefixes: [String] { [head, classifier + "."] }
  package static var otherNames: [String: String] { [:] }

  /// The last token has seen all others.
  package func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    graph.linear(graph.token(hidden, .last), Self.classifier, columns: labels, bias: false)
  }

  package func classifyTokens(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    graph.linear(
      graph.dropout(hidden, classifierDropout), Self.tokenClassifier, columns: labels, bias: true)
  }

  package func spans(_ hidden: Value, _ graph: Graph) -> Value {
    graph.linear(hidden, Self.spanModule, columns: 2, bias: true)
  }

  package func choose(_ hidden: Value, _ graph: Graph) -> Value { classify(hidden, labels: 1, graph) }

  package func maskedLanguageModel(_ hidden: Value, _ graph: Graph) {
    preconditionFailure("the family lists no such head")
  }

  package var classifierDropout: Double { 0 }

  /// The parameter of a head of its own.
  package static var head: String { "lm_head.weight" }

  /// The parameter, [vocabulary, C], that projects hidden states onto the vocabulary.
  package var outputEmbedding: String { tied ? Self.embedding : Self.head }

  /// The activation function that a key of config.json names.
  /// - Parameter names: all names that transformers has for the function that the family computes, the usual one
  ///   first.
  static func checkActivation(_ config: ModelConfig, _ key: String, names: [String]) {
    let name = config.text(key, default: names[0])
    if !names.contains(name) {
      config.fail(key, "\"\(name)\" is not supported", hint: "\(names[0]) is")
    }
  }
}

/// All families that swiftdp knows: a new one is one file and one line here.
package let modelFamilies: [any ModelFamily.Type] = [
  BART.self, BERT.self, DeBERTa.self, DistilBERT.self, ELECTRA.self, Gemma.self, Gemma2.self, Gemma3.self,
  GPT2.self,
  GPTNeoX.self, Llama.self, Mistral.self, ModernBERT.self, MT5.self, OLMo2.self, OPT.self, Phi3.self,
  Qwen2.self,
  Qwen3.self, RoBERTa.self, SmolLM3.self, T5.self, XLMRoBERTa.self,
]
