// DistilBERT (Sanh et al. 2019), as `DistilBertModel` of transformers computes it: BERT without types and pooler, and
// with names of its own.
import Base
import Graph
import Tensors

package struct DistilBERT: ModelFamily {
  package static let modelType = "distilbert"
  package static let className = "DistilBert"
  package static let heads = Head.Kind.ofEncoders
  package static let classifier = "classifier"
  package static let head = "vocab_projector.weight"
  package static let isCausal = false
  package static let headPrefixes = [
    "pre_classifier.", "classifier.", "vocab_transform.", "vocab_layer_norm.", "vocab_projector.",
    "qa_outputs.",
  ]
  package static let basePrefix = "distilbert."
  package static let ignoredSuffixes = [".position_ids"]
  package static let embedding = "distilbert.embeddings.word_embeddings.weight"
  package static let endOfText: Int? = nil
  private static let epsilon = 1e-12

  package let vocabulary: Int
  package let maximumLength: Int
  package let layers: Int
  package let block: EncoderBlock
  package let dropout: Double
  package let answerDropout: Double
  package let classifierDropout: Double
  package let tied: Bool

  package init(_ config: ModelConfig) {
    vocabulary = config.integer("vocab_size", default: 30522, in: 1...1 << 24)
    maximumLength = config.integer("max_position_embeddings", default: 512, in: 1...1 << 20)
    layers = config.integer(config.name("n_layers", or: "num_hidden_layers"), default: 6, in: 1...4096)
    dropout = config.number("dropout", default: 0.1, in: 0...0.99)
    answerDropout = config.number("qa_dropout", default: 0.1, in: 0...0.99)
    classifierDropout = config.number("seq_classif_dropout", default: 0.2, in: 0...0.99)
    tied = config.bool("tie_word_embeddings", default: true)
    // Sinusoids are how the table begins; like any other, it is stored and trained.
    _ = config.bool("sinusoidal_pos_embds", default: false)
    let widthKey = config.name("dim", or: "hidden_size")
    block = EncoderBlock(
      names: EncoderBlock.Names(
        query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin",
        attentionOutput: "attention.out_lin", attentionNorm: "sa_layer_norm", inner: "ffn.lin1",
        outer: "ffn.lin2", outputNorm: "output_layer_norm"),
      width: config.integer(widthKey, default: 768, in: 1...1 << 16),
      feedForward: config.integer("hidden_dim", default: 3072, in: 1...1 << 20),
      heads: config.integer(config.name("n_heads", or: "num_attention_heads"), default: 12, in: 1...4096),
      epsilon: Self.epsilon, activation: Activation(config, "activation"), attentionOutputDropout: 0,
      outputDropout: dropout,
      attentionDropout: config.number("attention_dropout", default: 0.1, in: 0...0.99))
    if block.width % block.heads != 0 {
      config.fail(widthKey, "is \(block.width), which \(block.heads) heads do not share evenly")
    }
  }

  package func forward(_ graph: Graph) -> Value {
    let e = "distilbert.embeddings."
    var xBTC = graph.embedding(Self.embedding, vocabulary: vocabulary, columns: block.width)
    xBTC = graph.addPositions(xBTC, e + "position_embeddings.weight", positions: maximumLength)
    xBTC = graph.dropout(graph.layerNorm(xBTC, e + "LayerNorm", epsilon: Self.epsilon), dropout)
    for layer in 0..<layers {
      xBTC = block.record(xBTC, "distilbert.transformer.layer.\(layer).", on: graph)
    }
    return xBTC
  }

  /// The first token, [CLS], through a layer of the head's own.
  package func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    let pBC = graph.relu(
      graph.linear(graph.token(hidden, .first), "pre_classifier", columns: block.width, bias: true))
    return graph.linear(
      graph.dropout(pBC, classifierDropout), Self.classifier, columns: labels, bias: true)
  }

  /// Tokens have another dropout than sequences.
  package func classifyTokens(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    graph.linear(graph.dropout(hidden, dropout), Self.tokenClassifier, columns: labels, bias: true)
  }

  package func spans(_ hidden: Value, _ graph: Graph) -> Value {
    graph.linear(graph.dropout(hidden, answerDropout), Self.spanModule, columns: 2, bias: true)
  }

  package func maskedLanguageModel(_ hidden: Value, _ graph: Graph) {
    let tBTC = block.activation.record(
      graph.linear(hidden, "vocab_transform", columns: block.width, bias: true), on: graph)
    graph.languageModelHead(
      graph.layerNorm(tBTC, "vocab_layer_norm", epsilon: Self.epsilon), weight: outputEmbedding,
      bias: "vocab_projector.bias", vocabulary: vocabulary)
  }
}
