// BART (Lewis et al. 2020), as `BartForConditionalGeneration` of transformers computes it: an encoder like BERT's reads
// the source; a decoder writes, and attends to it. Norms stand after the sums.
//
// B sequences of T tokens with sources of S tokens, C = d_model, F = feed-forward width.
import Base
import Graph
import Tensors

package struct BART: ModelFamily {
  package static let modelType = "bart"
  package static let className = "Bart"
  package static let heads: [Head.Kind] = [.none, .languageModel]
  package static let languageModelClass = "BartForConditionalGeneration"
  package static let readsSource = true
  package static let usualAnswerStart = 2
  package static let basePrefix = "model."
  package static let ignoredSuffixes = [
    "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "final_logits_bias",
  ]
  package static let embedding = "model.shared.weight"
  package static let endOfText: Int? = 2
  /// The row of the table of positions for the first token.
  private static let firstPosition = 2
  private static let epsilon = 1e-5

  package let vocabulary: Int
  package let maximumLength: Int
  package let width: Int
  package let encoderLayers: Int
  package let decoderLayers: Int
  let encoderBlock: EncoderBlock
  let decoderBlock: EncoderBlock
  /// The factor of embeddings.
  package let embeddingFactor: Double
  package let dropout: Double
  package let tied: Bool

  package init(_ config: ModelConfig) {
    vocabulary = config.integer("vocab_size", default: 50265, in: 1...1 << 24)
    maximumLength = config.integer("max_position_embeddings", default: 1024, in: 1...1 << 20)
    let widthKey = config.name("d_model", or: "hidden_size")
    width = config.integer(widthKey, default: 1024, in: 1...1 << 16)
    encoderLayers = config.integer(
      config.name("encoder_layers", or: "num_hidden_layers"), default: 12, in: 1...4096)
    decoderLayers = config.integer("decoder_layers", default: 12, in: 1...4096)
    dropout = config.number("dropout", default: 0.1, in: 0...0.99)
    embeddingFactor = config.bool("scale_embedding", default: false) ? Double(width).squareRoot() : 1
    tied = config.bool("tie_word_embeddings", default: true)
    for key in ["encoder_layerdrop", "decoder_layerdrop"] where config.number(key, default: 0, in: 0...1) != 0
    {
      config.fail(key, "is not 0, which is not supported", hint: "set it to 0 in config.json")
    }
    if config.bool("is_decoder", default: false) {
      config.fail("is_decoder", "is true, which is not supported")
    }
    let (dropout, width) = (dropout, width)
    let attentionDropout = config.number("attention_dropout", default: 0, in: 0...0.99)
    let activationDropout = config.number("activation_dropout", default: 0, in: 0...0.99)
    let activation = Activation(config, "activation_function")
    func block(_ part: String, headKey: String) -> EncoderBlock {
      let heads = config.integer(headKey, default: 16, in: 1...4096)
      if width % heads != 0 {
        config.fail(widthKey, "is \(width), which \(heads) heads do not share evenly")
      }
      return EncoderBlock(
        names: EncoderBlock.Names(
          query: "self_attn.q_proj", key: "self_attn.k_proj", value: "self_attn.v_proj",
          attentionOutput: "self_attn.out_proj", attentionNorm: "self_attn_layer_norm", inner: "fc1",
          outer: "fc2",
          outputNorm: "final_layer_norm"),
        width: width, feedForward: config.integer(part + "_ffn_dim", default: 4096, in: 1...1 << 20),
        heads: heads, epsilon: Self.epsilon, activation: activation, attentionOutputDropout: dropout,
        activationDropout: activationDropout, outputDropout: dropout, attentionDropout: attentionDropout)
    }
    encoderBlock = block(
      "encoder", headKey: config.name("encoder_attention_heads", or: "num_attention_heads"))
    decoderBlock = block("decoder", headKey: "decoder_attention_heads")
  }

  package func forward(_ graph: Graph) -> Value {
    let source = graph.source {
      var xBSC = embedded("model.encoder.", graph)
      for layer in 0..<encoderLayers {
        xBSC = encoderBlock.record(xBSC, "model.encoder.layers.\(layer).", on: graph)
      }
      return xBSC
    }
    var xBTC = embedded("model.decoder.", graph)
    for layer in 0..<decoderLayers {
      graph.layer { xBTC = decoded(xBTC, source, "model.decoder.layers.\(layer).", graph) }
    }
    return xBTC
  }

  private func embedded(_ prefix: String, _ graph: Graph) -> Value {
    var xBTC = graph.embedding(
      Self.embedding, vocabulary: vocabulary, columns: width, factor: embeddingFactor)
    xBTC = graph.addPositions(
      xBTC, prefix + "embed_positions.weight", positions: maximumLength + Self.firstPosition,
      from: Self.firstPosition)
    xBTC = graph.layerNorm(xBTC, prefix + "layernorm_embedding", epsilon: Self.epsilon)
    return graph.dropout(xBTC, dropout)
  }

  /// One layer of the decoder.
  private func decoded(_ x: Value, _ source: Value?, _ l: String, _ graph: Graph) -> Value {
    let block = decoderBlock
    var form = AttentionForm(
      heads: block.heads, keyHeads: block.heads, headWidth: width / block.heads,
      dropout: block.attentionDropout)
    let aBTC = graph.attention(block.projections(x, l, on: graph), form)
    let sBTC = block.afterAttention(aBTC, of: x, l, on: graph)

    form.isCausal = false
    let c = l + "encoder_attn."
    let q = graph.linear(sBTC, c + "q_proj", columns: width, bias: true)
    let kv = source.map {
      graph.linear($0, [(c + "k_proj", columns: width), (c + "v_proj", columns: width)], bias: true)
    }
    let oBTC = graph.linear(graph.sourceAttention(q, kv, form), c + "out_proj", columns: width, bias: true)
    let tBTC = graph.addPart(
      graph.dropout(oBTC, dropout), to: sBTC, .sourceAttention, l + "cross_attention_adapters"
    ) { graph.layerNorm($0, l + "encoder_attn_layer_norm", epsilon: Self.epsilon) }
    return block.fedForward(tBTC, l, on: graph)
  }
}
