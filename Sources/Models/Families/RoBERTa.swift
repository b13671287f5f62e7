// RoBERTa (Liu et al. 2019) and XLM-R (Conneau et al. 2020), as `RobertaModel` of transformers computes them: BERT
// whose positions are counted from behind the padding token's id, with heads of its own.
import Base
import Graph
import Tensors

package struct RoBERTa: RoBERTaFamily {
  package static let modelType = "roberta"
  package static let className = "Roberta"
  static let usualVocabulary = 50265
  package let encoder: BERTEncoder
  package let firstPosition: Int
  package init(_ config: ModelConfig) { (encoder, firstPosition) = Self.read(config) }
}

package struct XLMRoBERTa: RoBERTaFamily {
  package static let modelType = "xlm-roberta"
  package static let className = "XLMRoberta"
  static let usualVocabulary = 30522
  package let encoder: BERTEncoder
  package let firstPosition: Int
  package init(_ config: ModelConfig) { (encoder, firstPosition) = Self.read(config) }
}

/// What differs is the name, and the vocabulary that a config.json need not mention.
protocol RoBERTaFamily: ModelFamily {
  static var usualVocabulary: Int { get }
  var encoder: BERTEncoder { get }
  /// The row of the table of positions for the first token of a text.
  var firstPosition: Int { get }
}

extension RoBERTaFamily {
  package static var heads: [Head.Kind] { Head.Kind.ofEncoders }
  package static var classifier: String { "classifier" }
  package static var head: String { "lm_head.decoder.weight" }
  package static var isCausal: Bool { false }
  package static var headPrefixes: [String] {
    ["classifier.", "lm_head.", "qa_outputs.", "roberta.pooler.", "pooler."]
  }
  package static var basePrefix: String { "roberta." }
  package static var ignoredSuffixes: [String] { [".position_ids", "lm_head.decoder.bias"] }
  package static var embedding: String { "roberta.embeddings.word_embeddings.weight" }
  package static var endOfText: Int? { 2 }

  package var vocabulary: Int { encoder.vocabulary }
  package var maximumLength: Int { encoder.positions - firstPosition }
  package var types: Int { encoder.types }
  package var tied: Bool { encoder.tied }
  package var classifierDropout: Double { encoder.classifierDropout }

  fileprivate static func read(_ config: ModelConfig) -> (BERTEncoder, firstPosition: Int) {
    let encoder = BERTEncoder(config, vocabulary: usualVocabulary)
    let padding = config.integer("pad_token_id", default: 1, in: 0...encoder.vocabulary - 1)
    if padding + 1 >= encoder.positions {
      config.fail(
        "max_position_embeddings",
        "is \(encoder.positions), which leaves no position behind that of the padding token, \(padding)")
    }
    return (encoder, padding + 1)
  }

  package func forward(_ graph: Graph) -> Value {
    encoder.record("roberta.", firstPosition: firstPosition, on: graph)
  }

  /// The first token, `<s>`, through a layer of the head's own.
  package func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    let xBC = graph.dropout(graph.token(hidden, .first), encoder.classifierDropout)
    let dBC = graph.tanh(graph.linear(xBC, "classifier.dense", columns: encoder.width, bias: true))
    return graph.linear(
      graph.dropout(dBC, encoder.classifierDropout), "classifier.out_proj", columns: labels, bias: true)
  }

  /// The pooler of the pretrained model, which the head for labels does without.
  package func choose(_ hidden: Value, _ graph: Graph) -> Value {
    let pBC = encoder.pooled(hidden, "roberta.pooler.dense", on: graph)
    return graph.linear(
      graph.dropout(pBC, encoder.embeddingDropout), Self.classifier, columns: 1, bias: true)
  }

  package func maskedLanguageModel(_ hidden: Value, _ graph: Graph) {
    encoder.maskedLanguageModel(
      hidden, transform: "lm_head.dense", norm: "lm_head.layer_norm", activation: .gelu(.gaussian),
      weight: outputEmbedding, bias: "lm_head.bias", on: graph)
  }
}
