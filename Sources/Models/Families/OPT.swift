// OPT (Zhang et al. 2022), as `OPTForCausalLM` of transformers computes it: learned positions whose table has two rows in
// front, and, in one size, norms after each part and embeddings of another width.
//
// B sequences of T tokens, C = hidden size, E = width of embeddings and of what heads read, F = feed-forward width.
import Base
import Graph

package struct OPT: ModelFamily {
  package static let modelType = "opt"
  package static let className = "OPT"
  package static let heads: [Head.Kind] = [.none, .languageModel, .labels, .choices]
  package static let basePrefix = "model."
  package static let ignoredSuffixes: [String] = []
  package static let embedding = "model.decoder.embed_tokens.weight"
  package static let endOfText: Int? = 2

  package let vocabulary: Int
  package let maximumLength: Int
  /// Numbers of a token between layers.
  package let innerWidth: Int
  /// Numbers of an embedding, and of a hidden state as heads read it.
  package let width: Int
  package let feedForward: Int
  package let layers: Int
  package let heads: Int
  package let hasBias: Bool
  package let normsComeFirst: Bool
  package let endsWithNorm: Bool
  package let activation: Activation
  package let dropout: Double
  package let attentionDropout: Double
  package let tied: Bool
  /// torch's default, which the family's norms have.
  private let epsilon = 1e-5

  package init(_ config: ModelConfig) {
    vocabulary = config.integer("vocab_size", default: 50272, in: 1...1 << 24)
    maximumLength = config.integer("max_position_embeddings", default: 2048, in: 1...1 << 20)
    innerWidth = config.integer("hidden_size", default: 768, in: 1...1 << 16)
    width = config.integer("word_embed_proj_dim", default: innerWidth, in: 1...1 << 16, orNull: true)
    feedForward = config.integer("ffn_dim", default: 3072, in: 1...1 << 20)
    layers = config.integer("num_hidden_layers", default: 12, in: 1...4096)
    heads = config.integer("num_attention_heads", default: 12, in: 1...4096)
    hasBias = config.bool("enable_bias", default: true)
    normsComeFirst = config.bool("do_layer_norm_before", default: true)
    endsWithNorm = normsComeFirst && !config.bool("_remove_final_layer_norm", default: false)
    activation = Activation(config, "activation_function", default: "relu")
    dropout = config.number("dropout", default: 0.1, in: 0...0.99)
    attentionDropout = config.number("attention_dropout", default: 0, in: 0...0.99)
    tied = config.bool("tie_word_embeddings", default: true)
    if innerWidth % heads != 0 {
      config.fail("hidden_size", "is \(innerWidth), which \(heads) heads do not share evenly")
    }
    if config.number("layerdrop", default: 0, in: 0...1) != 0 {
      config.fail("layerdrop", "is not 0, which is not supported")
    }
    if !config.bool("layer_norm_elementwise_affine", default: true) {
      config.fail("layer_norm_elementwise_affine", "is false, which is not supported")
    }
  }

  package func forward(_ graph: Graph) -> Value {
    let d = "model.decoder."
    var xBTC = graph.embedding(Self.embedding, vocabulary: vocabulary, columns: width)
    if width != innerWidth { xBTC = graph.linear(xBTC, d + "project_in", columns: innerWidth, bias: false) }
    xBTC = graph.addPositions(xBTC, d + "embed_positions.weight", positions: maximumLength + 2, from: 2)
    for layer in 0..<layers {
      let l = d + "layers.\(layer)."
      graph.layer {
        xBTC = part(
          xBTC, .attention, l + "attention_adapters", norm: l + "self_attn_layer_norm", graph
        ) { attention($0, l + "self_attn.", graph) }
        xBTC = part(
          xBTC, .feedForward, l + "output_adapters", norm: l + "final_layer_norm", graph
        ) { nBTC in
          let fBTF = graph.linear(nBTC, l + "fc1", columns: feedForward, bias: hasBias)
          return graph.linear(
            activation.record(fBTF, on: graph), l + "fc2", columns: innerWidth, bias: hasBias)
        }
      }
    }
    if endsWithNorm { xBTC = graph.layerNorm(xBTC, d + "final_layer_norm", epsilon: epsilon) }
    return width == innerWidth
      ? xBTC : graph.linear(xBTC, d + "project_out", columns: width, bias: false)
  }

  /// x plus what a part of a layer computes, with the norm before the part or behind the sum.
  private func part(
    _ x: Value, _ kind: LayerPart.Kind, _ adapters: String, norm: String, _ graph: Graph,
    _ compute: (Value) -> Value
  ) -> Value {
    func normed(_ x: Value) -> Value { graph.layerNorm(x, norm, epsilon: epsilon) }
    let hBTC = graph.dropout(compute(normsComeFirst ? normed(x) : x), dropout)
    return graph.addPart(hBTC, to: x, kind, adapters) { normsComeFirst ? $0 : normed($0) }
  }

  private func attention(_ nBTC: Value, _ a: String, _ graph: Graph) -> Value {
    let qkv = graph.linear(
      nBTC,
      [
        (a + "q_proj", columns: innerWidth), (a + "k_proj", columns: innerWidth),
        (a + "v_proj", columns: innerWidth),
      ],
      bias: hasBias)
    let aBTC = graph.attention(
      qkv, heads: heads, keyHeads: heads, headWidth: innerWidth / heads, dropout: attentionDropout)
    return graph.linear(aBTC, a + "out_proj", columns: innerWidth, bias: hasBias)
  }
}
