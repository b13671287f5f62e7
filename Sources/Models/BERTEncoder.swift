// The encoder of BERT, which RoBERTa and ELECTRA have with other settings: embeddings of tokens, types and positions,
// a norm, and blocks.
import Base
import Graph

package struct BERTEncoder: Sendable {
  package var vocabulary: Int
  /// The rows of the table of positions.
  package var positions: Int
  package var types: Int
  /// The width of the embeddings, and that of the blocks.
  package var embeddingWidth: Int
  package var width: Int
  package var layers: Int
  package var block: EncoderBlock
  package var embeddingDropout: Double
  package var classifierDropout: Double
  package var tied: Bool

  /// Reads the keys that the families share, with the defaults of `BertConfig`.
  init(
    _ config: ModelConfig, vocabulary: Int = 30522, width: Int = 768, feedForward: Int = 3072, heads: Int = 12
  ) {
    self.vocabulary = config.integer("vocab_size", default: vocabulary, in: 1...1 << 24)
    positions = config.integer("max_position_embeddings", default: 512, in: 1...1 << 20)
    types = config.integer("type_vocab_size", default: 2, in: 1...1 << 10)
    self.width = config.integer("hidden_size", default: width, in: 1...1 << 16)
    embeddingWidth = self.width
    layers = config.integer("num_hidden_layers", default: 12, in: 1...4096)
    let hiddenDropout = config.number("hidden_dropout_prob", default: 0.1, in: 0...0.99)
    embeddingDropout = hiddenDropout
    classifierDropout =
      config.isNull("classifier_dropout")
      ? hiddenDropout : config.number("classifier_dropout", default: hiddenDropout, in: 0...0.99)
    tied = config.bool("tie_word_embeddings", default: true)
    block = EncoderBlock(
      width: self.width,
      feedForward: config.integer("intermediate_size", default: feedForward, in: 1...1 << 20),
      heads: config.integer("num_attention_heads", default: heads, in: 1...4096),
      epsilon: config.float("layer_norm_eps", default: 1e-12, in: 0...1),
      activation: Activation(config, "hidden_act"), attentionOutputDropout: hiddenDropout,
      outputDropout: hiddenDropout,
      attentionDropout: config.number("attention_probs_dropout_prob", default: 0.1, in: 0...0.99))
    if self.width % block.heads != 0 {
      config.fail("hidden_size", "is \(self.width), which \(block.heads) heads do not share evenly")
    }
    for key in ["is_decoder", "add_cross_attention"] where config.bool(key, default: false) {
      config.fail(key, "is true, which is not supported")
    }
    let kind = config.text("position_embedding_type", default: "absolute")
    if kind != "absolute" {
      config.fail("position_embedding_type", "is \"\(kind)\", which is not supported", hint: "absolute is")
    }
  }

  /// - Parameters:
  ///   - prefix: that of the model's names, with its point.
  ///   - firstPosition: the row of the table for the first token of a text.
  /// - Returns: [B · T, width].
  func record(_ prefix: String, firstPosition: Int = 0, on graph: Graph) -> Value {
    let e = prefix + "embeddings."
    var xBTC = graph.embedding(e + "word_embeddings.weight", vocabulary: vocabulary, columns: embeddingWidth)
    xBTC = graph.addTypes(xBTC, e + "token_type_embeddings.weight", types: types)
    xBTC = graph.addPositions(
      xBTC, e + "position_embeddings.weight", positions: positions, from: firstPosition)
    xBTC = graph.layerNorm(xBTC, e + "LayerNorm", epsilon: block.epsilon)
    xBTC = graph.dropout(xBTC, embeddingDropout)
    if embeddingWidth != width {
      xBTC = graph.linear(xBTC, prefix + "embeddings_project", columns: width, bias: true)
    }
    for layer in 0..<layers { xBTC = block.record(xBTC, prefix + "encoder.layer.\(layer).", on: graph) }
    return xBTC
  }

  /// The last operation of `…ForMaskedLM`: a layer with a norm, then the projection onto the vocabulary.
  /// - Parameter activation: by default that of the blocks.
  func maskedLanguageModel(
    _ hidden: Value, transform: String, norm: String, activation: Activation? = nil, weight: String,
    bias: String,
    on graph: Graph
  ) {
    let tBTE = (activation ?? block.activation).record(
      graph.linear(hidden, transform, columns: embeddingWidth, bias: true), on: graph)
    graph.languageModelHead(
      graph.layerNorm(tBTE, norm, epsilon: block.epsilon), weight: weight, bias: bias, vocabulary: vocabulary)
  }

  /// tanh(W x + b) of the first token: [B, width].
  func pooled(_ hidden: Value, _ name: String, on graph: Graph) -> Value {
    graph.tanh(graph.linear(graph.token(hidden, .first), name, columns: width, bias: true))
  }
}
