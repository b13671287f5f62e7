// Llama 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024), as `LlamaForCausalLM` of transformers
// computes them.
//
// B sequences of T tokens, C = hidden size, H heads and G key heads of width D, F = feed-forward width.
import Base
import Graph
import Tensors

package struct Llama: ModelFamily {
  package static let modelType = "llama"
  package static let className = "Llama"
  package static let basePrefix = "model."
  package static let ignoredSuffixes = [".rotary_emb.inv_freq"]
  package static let embedding = "model.embed_tokens.weight"
  package static let endOfText: Int? = 2

  package let vocabulary: Int
  package let maximumLength: Int
  package let width: Int
  package let feedForward: Int
  package let layers: Int
  package let heads: Int
  package let keyHeads: Int
  package let headWidth: Int
  package let epsilon: Double
  package let rotary: RotaryTable
  package let attentionBias: Bool
  package let feedForwardBias: Bool
  package let attentionDropout: Double
  package let tied: Bool

  package init(_ config: ModelConfig) {
    vocabulary = config.integer("vocab_size", default: 32000, in: 1...1 << 24)
    maximumLength = config.integer("max_position_embeddings", default: 2048, in: 1...1 << 24)
    width = config.integer("hidden_size", default: 4096, in: 1...1 << 16)
    feedForward = config.integer("intermediate_size", default: 11008, in: 1...1 << 20)
    layers = config.integer("num_hidden_layers", default: 32, in: 1...4096)
    heads = config.integer("num_attention_heads", default: 32, in: 1...4096)
    keyHeads = config.integer("num_key_value_heads", default: heads, in: 1...4096, orNull: true)
    headWidth = config.integer("head_dim", default: max(width / heads, 1), in: 1...1 << 16, orNull: true)
    epsilon = config.float("rms_norm_eps", default: 1e-6, in: 0...1)
    attentionBias = config.bool("attention_bias", default: false)
    feedForwardBias = config.bool("mlp_bias", default: false)
    attentionDropout = config.number("attention_dropout", default: 0, in: 0...0.99, orNull: true)
    tied = config.bool("tie_word_embeddings", default: false)
    if width % heads != 0 {
      config.fail("hidden_size", "is \(width), which \(heads) heads do not share evenly")
    }
    if heads % keyHeads != 0 {
      config.fail("num_key_value_heads", "is \(keyHeads), which \(heads) heads do not share evenly")
    }
    if headWidth % 2 != 0 {
      config.fail("head_dim", "is \(headWidth), but rotary positions need an even one")
    }
    Self.checkActivation(config, "hidden_act", names: ["silu", "swish"])
    rotary = RotaryTable(
      frequencies: rotaryFrequencies(config, headWidth: headWidth, longest: maximumLength))
  }

  package func forward(_ graph: Graph) -> Value {
    var xBTC = graph.embedding(Self.embedding, vocabulary: vocabulary, columns: width)
    for layer in 0..<layers {
      let l = "model.layers.\(layer)."
      graph.layer {
        var nBTC = graph.rmsNorm(xBTC, l + "input_layernorm", epsilon: epsilon)
        let qkv = graph.linear(
          nBTC,
          [
            (l + "self_attn.q_proj", columns: heads * headWidth),
            (l + "self_attn.k_proj", columns: keyHeads * headWidth),
            (l + "self_attn.v_proj", columns: keyHeads * headWidth),
          ], bias: attentionBias)
        let aBTHD = graph.attention(
          qkv, heads: heads, keyHeads: keyHeads, headWidth: headWidth, rotary: rotary,
          dropout: attentionDropout)
        xBTC = graph.add(
          xBTC, graph.linear(aBTHD, l + "self_attn.o_proj", columns: width, bias: attentionBias))

        nBTC = graph.rmsNorm(xBTC, l + "post_attention_layernorm", epsilon: epsilon)
        let gateUp = graph.linear(
          nBTC,
          [(l + "mlp.gate_proj", columns: feedForward), (l + "mlp.up_proj", columns: feedForward)],
          bias: feedForwardBias)
        let fBTF = graph.swiGLU(gateUp)
        xBTC = graph.add(
          xBTC, graph.linear(fBTF, l + "mlp.down_proj", columns: width, bias: feedForwardBias))
      }
    }
    return graph.rmsNorm(xBTC, "model.norm", epsilon: epsilon)
  }
}
