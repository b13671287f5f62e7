// BERT (Devlin et al. 2019), as `BertModel` of transformers computes it, and its heads.
import Base
import Graph
import Tensors

package struct BERT: ModelFamily {
  package static let modelType = "bert"
  package static let className = "Bert"
  package static let heads = Head.Kind.ofEncoders
  package static let classifier = "classifier"
  package static let head = "cls.predictions.decoder.weight"
  package static let isCausal = false
  package static let headPrefixes = ["classifier.", "cls.", "qa_outputs.", "bert.pooler.", "pooler."]
  package static let basePrefix = "bert."
  package static let ignoredSuffixes = [".position_ids", "cls.predictions.decoder.bias"]
  package static let embedding = "bert.embeddings.word_embeddings.weight"
  package static let endOfText: Int? = nil

  package let encoder: BERTEncoder
  package var vocabulary: Int { encoder.vocabulary }
  package var maximumLength: Int { encoder.positions }
  package var types: Int { encoder.types }
  package var tied: Bool { encoder.tied }
  package var classifierDropout: Double { encoder.classifierDropout }

  package init(_ config: ModelConfig) { encoder = BERTEncoder(config) }

  package func forward(_ graph: Graph) -> Value { encoder.record("bert.", on: graph) }

  /// The pooler reads the first token, [CLS].
  package func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    let pBC = encoder.pooled(hidden, "bert.pooler.dense", on: graph)
    return graph.linear(
      graph.dropout(pBC, encoder.classifierDropout), Self.classifier, columns: labels, bias: true)
  }

  package func maskedLanguageModel(_ hidden: Value, _ graph: Graph) {
    let p = "cls.predictions."
    encoder.maskedLanguageModel(
      hidden, transform: p + "transform.dense", norm: p + "transform.LayerNorm", weight: outputEmbedding,
      bias: p + "bias", on: graph)
  }
}
