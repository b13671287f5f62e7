// ModernBERT (Warner et al. 2024), as `ModernBertModel` of transformers computes it: an encoder with norms before its
// parts, rotary positions, gated feed-forward parts, and layers of which most see their neighbourhood only.
//
// B sequences of T tokens, C = hidden size, F = intermediate size.
import Base
import Foundation
import Graph
import Tensors

package struct ModernBERT: ModelFamily {
  package static let modelType = "modernbert"
  package static let className = "ModernBert"
  package static let heads = Head.Kind.ofEncoders
  package static let classifier = "classifier"
  package static let spanModule = "classifier"
  package static let head = "decoder.weight"
  package static let isCausal = false
  package static let headPrefixes = ["head.", "classifier.", "decoder."]
  package static let basePrefix = "model."
  package static let ignoredSuffixes: [String] = []
  package static let embedding = "model.embeddings.tok_embeddings.weight"
  package static let endOfText: Int? = 50282

  package let vocabulary: Int
  package let maximumLength: Int
  package let width: Int
  package let feedForward: Int
  package let layers: Int
  package let heads: Int
  package let epsilon: Double
  /// For each layer, whether its tokens see their neighbourhood only.
  package let isLocal: [Bool]
  /// How many tokens a neighbourhood spans.
  package let window: Int
  /// Of layers that see all, and of those that see their neighbourhood.
  package let globalRotary: RotaryTable
  package let localRotary: RotaryTable
  package let activation: GELUForm
  package let headActivation: Activation
  package let normBias: Bool
  package let attentionBias: Bool
  package let feedForwardBias: Bool
  package let headBias: Bool
  package let decoderBias: Bool
  package let poolsMean: Bool
  package let embeddingDropout: Double
  package let attentionDropout: Double
  package let feedForwardDropout: Double
  package let classifierDropout: Double
  package let tied: Bool

  package init(_ config: ModelConfig) {
    vocabulary = config.integer("vocab_size", default: 50368, in: 1...1 << 24)
    maximumLength = config.integer("max_position_embeddings", default: 8192, in: 1...1 << 24)
    width = config.integer("hidden_size", default: 768, in: 1...1 << 16)
    feedForward = config.integer("intermediate_size", default: 1152, in: 1...1 << 20)
    layers = config.integer("num_hidden_layers", default: 22, in: 1...4096)
    heads = config.integer("num_attention_heads", default: 12, in: 1...4096)
    epsilon = config.float("norm_eps", default: 1e-5, in: 0...1)
    window = config.integer("local_attention", default: 128, in: 0...1 << 24)
    normBias = config.bool("norm_bias", default: false)
    attentionBias = config.bool("attention_bias", default: false)
    feedForwardBias = config.bool("mlp_bias", default: false)
    headBias = config.bool("classifier_bias", default: false)
    decoderBias = config.bool("decoder_bias", default: true)
    embeddingDropout = config.number("embedding_dropout", default: 0, in: 0...0.99)
    attentionDropout = config.number("attention_dropout", default: 0, in: 0...0.99)
    feedForwardDropout = config.number("mlp_dropout", default: 0, in: 0...0.99)
    classifierDropout = config.number("classifier_dropout", default: 0, in: 0...0.99)
    tied = config.bool("tie_word_embeddings", default: true)
    headActivation = Activation(config, "classifier_activation")
    if case .gelu(let form) = Activation(config, "hidden_activation") {
      activation = form
    } else {
      activation = .gaussian
      config.fail("hidden_activation", "is not supported", hint: "gelu is")
    }
    let pooling = config.text("classifier_pooling", default: "cls")
    poolsMean = pooling == "mean"
    if !["cls", "mean"].contains(pooling) {
      config.fail("classifier_pooling", "is \"\(pooling)\"", hint: "there are cls and mean")
    }
    isLocal = Self.locality(config, layers: layers)
    let headWidth = width / heads
    if width % heads != 0 || headWidth % 2 != 0 {
      config.fail("hidden_size", "is \(width), which \(heads) heads of an even width do not share")
    }
    func rotary(_ kind: String, _ key: String, _ usual: Double) -> RotaryTable {
      let settings = config.part("rope_parameters").part(kind)
      let name = settings.text("rope_type", default: "default")
      if name != "default" {
        settings.fail("rope_type", "\"\(name)\" is not supported", hint: "default is")
      }
      let theta =
        settings.isGiven("rope_theta")
        ? settings.number("rope_theta", default: nil, in: 1e-6...1e12)
        : config.number(key, default: usual, in: 1e-6...1e12)
      return RotaryTable(
        frequencies: stride(from: 0, to: headWidth / 2 * 2, by: 2).map {
          1 / pow(Float(theta), Float($0) / Float(headWidth))
        })
    }
    globalRotary = rotary("full_attention", "global_rope_theta", 160_000)
    localRotary = rotary("sliding_attention", "local_rope_theta", 10_000)
    if !config.part("rope_scaling").isEmpty {
      config.fail("rope_scaling", "is given, which is not supported")
    }
  }

  /// By the list of config.json, or as every third layer sees all.
  private static func locality(_ config: ModelConfig, layers: Int) -> [Bool] {
    let kinds = config.texts("layer_types")
    let every = config.integer("global_attn_every_n_layers", default: 3, in: 1...4096)
    guard !kinds.isEmpty else { return (0..<layers).map { $0 % every != 0 } }
    if kinds.count != layers || !kinds.allSatisfy({ ["full_attention", "sliding_attention"].contains($0) }) {
      config.fail(
        "layer_types", "does not say full_attention or sliding_attention for each of \(layers) layers")
      return [Bool](repeating: false, count: layers)
    }
    return kinds.map { $0 == "sliding_attention" }
  }

  package func forward(_ graph: Graph) -> Value {
    var xBTC = graph.embedding(Self.embedding, vocabulary: vocabulary, columns: width)
    xBTC = graph.dropout(norm(xBTC, "model.embeddings.norm", graph), embeddingDropout)
    for layer in 0..<layers {
      let l = "model.layers.\(layer)."
      let form = AttentionForm(
        heads: heads, keyHeads: heads, headWidth: width / heads,
        rotary: isLocal[layer] ? localRotary : globalRotary, isCausal: false,
        window: isLocal[layer] ? window : nil, dropout: attentionDropout)
      graph.layer {
        // The embeddings have had a norm already.
        let nBTC = layer == 0 ? xBTC : norm(xBTC, l + "attn_norm", graph)
        let qkv = graph.linear(nBTC, l + "attn.Wqkv", columns: 3 * width, bias: attentionBias)
        let aBTC = graph.linear(
          graph.attention(qkv, form), l + "attn.Wo", columns: width, bias: attentionBias)
        xBTC = graph.addPart(
          graph.dropout(aBTC, attentionDropout), to: xBTC, .attention, l + "attention_adapters")

        let gates = graph.linear(
          norm(xBTC, l + "mlp_norm", graph), l + "mlp.Wi", columns: 2 * feedForward, bias: feedForwardBias)
        let fBTF = graph.dropout(graph.geGLU(gates, activation), feedForwardDropout)
        let oBTC = graph.linear(fBTF, l + "mlp.Wo", columns: width, bias: feedForwardBias)
        xBTC = graph.addPart(oBTC, to: xBTC, .feedForward, l + "output_adapters")
      }
    }
    return norm(xBTC, "model.final_norm", graph)
  }

  private func norm(_ x: Value, _ name: String, _ graph: Graph) -> Value {
    graph.layerNorm(x, name, epsilon: epsilon, bias: normBias)
  }

  /// The layer that all heads begin with.
  private func headStates(_ x: Value, _ graph: Graph) -> Value {
    norm(
      headActivation.record(graph.linear(x, "head.dense", columns: width, bias: headBias), on: graph),
      "head.norm", graph)
  }

  private func classified(_ x: Value, columns: Int, _ graph: Graph) -> Value {
    graph.linear(
      graph.dropout(headStates(x, graph), classifierDropout), Self.classifier, columns: columns, bias: true)
  }

  package func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    classified(poolsMean ? graph.mean(hidden) : graph.token(hidden, .first), columns: labels, graph)
  }

  package func classifyTokens(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    classified(hidden, columns: labels, graph)
  }

  package func spans(_ hidden: Value, _ graph: Graph) -> Value { classified(hidden, columns: 2, graph) }

  package func maskedLanguageModel(_ hidden: Value, _ graph: Graph) {
    graph.languageModelHead(
      headStates(hidden, graph), weight: outputEmbedding, bias: decoderBias ? "decoder.bias" : nil,
      vocabulary: vocabulary)
  }
}
