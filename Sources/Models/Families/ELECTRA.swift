// ELECTRA (Clark et al. 2020), as `ElectraModel` of transformers computes it: BERT whose embeddings may be narrower
// than its blocks. The discriminator is what is fine-tuned; the generator has a masked-language-model head.
import Base
import Graph
import Tensors

package struct ELECTRA: ModelFamily {
  package static let modelType = "electra"
  package static let className = "Electra"
  package static let heads = Head.Kind.ofEncoders
  package static let classifier = "classifier"
  package static let head = "generator_lm_head.weight"
  package static let isCausal = false
  package static let headPrefixes = [
    "classifier.", "generator_predictions.", "generator_lm_head.", "discriminator_predictions.",
    "qa_outputs.", "sequence_summary.",
  ]
  package static let basePrefix = "electra."
  package static let ignoredSuffixes = [".position_ids"]
  package static let embedding = "electra.embeddings.word_embeddings.weight"
  package static let endOfText: Int? = nil

  package let encoder: BERTEncoder
  package var vocabulary: Int { encoder.vocabulary }
  package var maximumLength: Int { encoder.positions }
  package var types: Int { encoder.types }
  /// What `ElectraForMultipleChoice` reads the first token with.
  private let hasSummary: Bool
  private let summaryActivation: Activation?
  private let summaryDropout: Double
  package var tied: Bool { encoder.tied }
  package var classifierDropout: Double { encoder.classifierDropout }

  package init(_ config: ModelConfig) {
    var encoder = BERTEncoder(config, width: 256, feedForward: 1024, heads: 4)
    encoder.embeddingWidth = config.integer("embedding_size", default: 128, in: 1...1 << 16)
    self.encoder = encoder
    hasSummary = config.bool("summary_use_proj", default: true)
    let name = config.text("summary_activation", default: "gelu")
    summaryActivation = name.isEmpty ? nil : Activation(config, "summary_activation")
    summaryDropout = config.number("summary_last_dropout", default: 0.1, in: 0...0.99)
    let kind = config.text("summary_type", default: "first")
    if kind != "first" {
      config.fail("summary_type", "is \"\(kind)\", which is not supported", hint: "first is")
    }
  }

  package func forward(_ graph: Graph) -> Value { encoder.record("electra.", on: graph) }

  /// The first token, [CLS], through a layer of the head's own.
  package func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    let xBC = graph.dropout(graph.token(hidden, .first), encoder.classifierDropout)
    let dBC = graph.gelu(graph.linear(xBC, "classifier.dense", columns: encoder.width, bias: true), .gaussian)
    return graph.linear(
      graph.dropout(dBC, encoder.classifierDropout), "classifier.out_proj", columns: labels, bias: true)
  }

  package func choose(_ hidden: Value, _ graph: Graph) -> Value {
    var xBC = graph.token(hidden, .first)
    if hasSummary {
      xBC = graph.linear(xBC, "sequence_summary.summary", columns: encoder.width, bias: true)
    }
    xBC = summaryActivation?.record(xBC, on: graph) ?? xBC
    return graph.linear(graph.dropout(xBC, summaryDropout), Self.classifier, columns: 1, bias: true)
  }

  /// That of the generator, which projects back to the width of the embeddings.
  package func maskedLanguageModel(_ hidden: Value, _ graph: Graph) {
    encoder.maskedLanguageModel(
      hidden, transform: "generator_predictions.dense", norm: "generator_predictions.LayerNorm",
      activation: .gelu(.gaussian), weight: outputEmbedding, bias: "generator_lm_head.bias", on: graph)
  }
}
