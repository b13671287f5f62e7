// T5 (Raffel et al. 2020; 1.1 and Flan with gates after Shazeer 2020) and mT5 (Xue et al. 2021), as
// `T5ForConditionalGeneration` of transformers computes them. An encoder reads the source; a decoder writes, and attends
// to it. Scores have no scale, but a bias by distance that all layers of a stack share.
//
// B sequences of T tokens with sources of S tokens, C = d_model, H heads of width D, F = feed-forward width.
import Base
import Graph
import Tensors

package struct T5: T5Family {
  package static let modelType = "t5"
  package static let className = "T5"
  package let settings: T5Settings
  package init(_ config: ModelConfig) {
    var settings = T5Settings(config)
    // Version 1.1 is known by its head of its own, and does not scale what the head reads.
    settings.scalesHead = settings.tied
    self.settings = settings
  }
}

package struct MT5: T5Family {
  package static let modelType = "mt5"
  package static let className = "MT5"
  package let settings: T5Settings
  package init(_ config: ModelConfig) {
    settings = T5Settings(
      config, vocabulary: 250112, feedForward: 1024, layers: 8, heads: 6, activation: "gated-gelu")
  }
}

/// What config.json says of a T5.
package struct T5Settings: Sendable {
  enum FeedForward {
    case plain(Activation)
    case gatedGELU(GELUForm)
    case gatedSiLU
  }

  var vocabulary: Int
  var width: Int
  var headWidth: Int
  var feedForward: Int
  var encoderLayers: Int
  var decoderLayers: Int
  var heads: Int
  var buckets: Int
  var farthest: Int
  var dropout: Double
  var epsilon: Double
  var form: FeedForward
  var tied: Bool
  var scalesHead = false

  init(
    _ config: ModelConfig, vocabulary: Int = 32128, feedForward: Int = 2048, layers: Int = 6, heads: Int = 8,
    activation: String = "relu"
  ) {
    self.vocabulary = config.integer("vocab_size", default: vocabulary, in: 1...1 << 24)
    width = config.integer(config.name("d_model", or: "hidden_size"), default: 512, in: 1...1 << 16)
    headWidth = config.integer(config.name("d_kv", or: "head_dim"), default: 64, in: 1...1 << 16)
    self.feedForward = config.integer("d_ff", default: feedForward, in: 1...1 << 20)
    encoderLayers = config.integer(
      config.name("num_layers", or: "num_hidden_layers"), default: layers, in: 1...4096)
    decoderLayers = config.integer("num_decoder_layers", default: encoderLayers, in: 1...4096, orNull: true)
    self.heads = config.integer(
      config.name("num_heads", or: "num_attention_heads"), default: heads, in: 1...4096)
    buckets = config.integer("relative_attention_num_buckets", default: 32, in: 4...1 << 16)
    farthest = config.integer("relative_attention_max_distance", default: 128, in: 1...1 << 24)
    dropout = config.number("dropout_rate", default: 0.1, in: 0...0.99)
    epsilon = config.float("layer_norm_epsilon", default: 1e-6, in: 0...1)
    tied = config.bool("tie_word_embeddings", default: true)
    if farthest <= buckets / 2 {
      config.fail(
        "relative_attention_max_distance", "is \(farthest), but must be above half of the \(buckets) buckets")
    }
    let name = config.text("feed_forward_proj", default: activation)
    let function = name.hasPrefix("gated-") ? String(name.dropFirst(6)) : name
    // The original code means the tanh form here.
    switch (name.hasPrefix("gated-"), name == "gated-gelu" ? .gelu(.tanh) : Activation(ofFamily: function)) {
    case (true, .gelu(let form)): self.form = .gatedGELU(form)
    case (true, nil) where ["silu", "swish"].contains(function): form = .gatedSiLU
    case (false, let activation?): form = .plain(activation)
    default:
      form = .plain(.relu)
      config.fail("feed_forward_proj", "\"\(name)\" is not supported", hint: "relu and gated-gelu are")
    }
  }
}

/// T5 and its relatives differ in the defaults of their settings only.
protocol T5Family: ModelFamily {
  var settings: T5Settings { get }
}

extension T5Family {
  package static var heads: [Head.Kind] { [.none, .languageModel] }
  package static var languageModelClass: String { className + "ForConditionalGeneration" }
  package static var readsSource: Bool { true }
  package static var basePrefix: String { "" }
  package static var ignoredSuffixes: [String] {
    [
      "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
      "EncDecAttention.relative_attention_bias.weight",
    ]
  }
  package static var embedding: String { "shared.weight" }
  package static var endOfText: Int? { 1 }

  package var vocabulary: Int { settings.vocabulary }
  /// Distances have no end.
  package var maximumLength: Int { 1 << 20 }
  package var tied: Bool { settings.tied }

  package func forward(_ graph: Graph) -> Value {
    let source = graph.source {
      stack("encoder.", layers: settings.encoderLayers, isCausal: false, nil, graph)
    }
    let xBTC = stack("decoder.", layers: settings.decoderLayers, isCausal: true, source, graph)
    return settings.scalesHead ? graph.scale(xBTC, by: 1 / Double(settings.width).squareRoot()) : xBTC
  }

  /// The encoder or the decoder.
  /// - Parameter source: what the encoder gave, [B · S, C]; nil for the encoder, or while decoding.
  private func stack(_ name: String, layers: Int, isCausal: Bool, _ source: Value?, _ graph: Graph) -> Value {
    let s = settings
    let form = AttentionForm(
      heads: s.heads, keyHeads: s.heads, headWidth: s.headWidth, isCausal: isCausal, scale: 1,
      dropout: s.dropout)
    var xBTC = graph.embedding(Self.embedding, vocabulary: s.vocabulary, columns: s.width)
    xBTC = graph.dropout(xBTC, s.dropout)
    let bias = graph.distanceBias(
      name + "block.0.layer.0.SelfAttention.relative_attention_bias",
      DistanceBuckets(count: s.buckets, farthest: s.farthest, isCausal: isCausal), heads: s.heads)
    for layer in 0..<layers {
      let l = name + "block.\(layer).layer."
      graph.layer {
        let qkv = projections(
          of: norm(xBTC, l + "0.", graph), ["q", "k", "v"], l + "0.SelfAttention.", graph)
        xBTC = sum(
          xBTC, graph.attention(qkv, form, bias: bias), l + "0.SelfAttention.o", .attention, l + "0", graph)
        if isCausal {
          let q = projections(of: norm(xBTC, l + "1.", graph), ["q"], l + "1.EncDecAttention.", graph)
          let kv = source.map { projections(of: $0, ["k", "v"], l + "1.EncDecAttention.", graph) }
          var outer = form
          outer.isCausal = false
          xBTC = sum(
            xBTC, graph.sourceAttention(q, kv, outer), l + "1.EncDecAttention.o", .sourceAttention, l + "1",
            graph)
        }
        let f = l + (isCausal ? "2" : "1")
        let fBTF = feedForward(norm(xBTC, f + ".", graph), f + ".DenseReluDense.", graph)
        xBTC = sum(
          xBTC, graph.dropout(fBTF, s.dropout), f + ".DenseReluDense.wo", .feedForward, f, graph)
      }
    }
    return graph.dropout(graph.rmsNorm(xBTC, name + "final_layer_norm", epsilon: s.epsilon), s.dropout)
  }

  private func norm(_ x: Value, _ prefix: String, _ graph: Graph) -> Value {
    graph.rmsNorm(x, prefix + "layer_norm", epsilon: settings.epsilon)
  }

  /// Queries, keys or values of all heads, side by side.
  private func projections(of x: Value, _ names: [String], _ prefix: String, _ graph: Graph) -> Value {
    let columns = settings.heads * settings.headWidth
    return graph.linear(x, names.map { (prefix + $0, columns: columns) }, bias: false)
  }

  private func feedForward(_ x: Value, _ prefix: String, _ graph: Graph) -> Value {
    func gates() -> Value {
      graph.linear(
        x,
        [(prefix + "wi_0", columns: settings.feedForward), (prefix + "wi_1", columns: settings.feedForward)],
        bias: false)
    }
    return switch settings.form {
    case .plain(let activation):
      activation.record(graph.linear(x, prefix + "wi", columns: settings.feedForward, bias: false), on: graph)
    case .gatedGELU(let form): graph.geGLU(gates(), form)
    case .gatedSiLU: graph.swiGLU(gates())
    }
  }

  /// x plus the projection of y.
  private func sum(
    _ x: Value, _ y: Value, _ name: String, _ kind: LayerPart.Kind, _ module: String, _ graph: Graph
  ) -> Value {
    let hBTC = graph.dropout(
      graph.linear(y, name, columns: settings.width, bias: false), settings.dropout)
    return graph.addPart(hBTC, to: x, kind, module)
  }
}
