// GPT-2 (Radford et al. 2019), as `GPT2LMHeadModel` of transformers computes it.
//
// B sequences of T tokens, C = n_embd, F = feed-forward width, V = vocabulary.
import Base
import Graph
import Tensors

package struct GPT2: ModelFamily {
  package static let modelType = "gpt2"
  package static let className = "GPT2"
  package static let languageModelClass = "GPT2LMHeadModel"
  package static let basePrefix = "transformer."
  package static let ignoredSuffixes = [".attn.bias", ".attn.masked_bias"]
  package static let embedding = "transformer.wte.weight"
  package static let endOfText: Int? = 50256
  package static let storesInputsFirst = true

  package let vocabulary: Int
  package let maximumLength: Int
  package let width: Int
  package let layers: Int
  package let heads: Int
  package let feedForward: Int
  package let epsilon: Double
  package let embeddingDropout: Double
  package let residualDropout: Double
  package let attentionDropout: Double
  package let tied: Bool

  package init(_ config: ModelConfig) {
    let widthKey = config.name("n_embd", or: "hidden_size")
    vocabulary = config.integer("vocab_size", default: 50257, in: 1...1 << 24)
    maximumLength = config.integer(
      config.name("n_positions", or: "max_position_embeddings"), default: 1024, in: 1...1 << 20)
    width = config.integer(widthKey, default: 768, in: 1...1 << 16)
    layers = config.integer(config.name("n_layer", or: "num_hidden_layers"), default: 12, in: 1...4096)
    heads = config.integer(config.name("n_head", or: "num_attention_heads"), default: 12, in: 1...4096)
    feedForward = config.integer("n_inner", default: 4 * width, in: 1...1 << 20, orNull: true)
    epsilon = config.float("layer_norm_epsilon", default: 1e-5, in: 0...1)
    embeddingDropout = config.number("embd_pdrop", default: 0.1, in: 0...0.99)
    residualDropout = config.number("resid_pdrop", default: 0.1, in: 0...0.99)
    attentionDropout = config.number("attn_pdrop", default: 0.1, in: 0...0.99)
    tied = config.bool("tie_word_embeddings", default: true)
    if width % heads != 0 { config.fail(widthKey, "is \(width), which \(heads) heads do not share evenly") }
    Self.checkActivation(
      config, "activation_function",
      names: ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast"])
    for (key, supported) in [
      ("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false),
      ("add_cross_attention", false),
    ] where config.bool(key, default: supported) != supported {
      config.fail(key, "is \(!supported), which is not supported")
    }
  }

  package func forward(_ graph: Graph) -> Value {
    var xBTC = graph.embedding(Self.embedding, vocabulary: vocabulary, columns: width)
    xBTC = graph.addPositions(xBTC, "transformer.wpe.weight", positions: maximumLength)
    xBTC = graph.dropout(xBTC, embeddingDropout)
    for layer in 0..<layers {
      let h = "transformer.h.\(layer)."
      graph.layer {
        var nBTC = graph.layerNorm(xBTC, h + "ln_1", epsilon: epsilon)
        let qkv = graph.linear(
          nBTC, h + "attn.c_attn", columns: 3 * width, bias: true, layout: .inputByOutput)
        var aBTC = graph.attention(
          qkv, heads: heads, keyHeads: heads, headWidth: width / heads, dropout: attentionDropout)
        aBTC = graph.linear(aBTC, h + "attn.c_proj", columns: width, bias: true, layout: .inputByOutput)
        xBTC = graph.addPart(
          graph.dropout(aBTC, residualDropout), to: xBTC, .attention, h + "attention_adapters")

        nBTC = graph.layerNorm(xBTC, h + "ln_2", epsilon: epsilon)
        var fBTF = graph.linear(
          nBTC, h + "mlp.c_fc", columns: feedForward, bias: true, layout: .inputByOutput)
        fBTF = graph.gelu(fBTF)
        let mBTC = graph.linear(
          fBTF, h + "mlp.c_proj", columns: width, bias: true, layout: .inputByOutput)
        xBTC = graph.addPart(
          graph.dropout(mBTC, residualDropout), to: xBTC, .feedForward, h + "output_adapters")
      }
    }
    return graph.layerNorm(xBTC, "transformer.ln_f", epsilon: epsilon)
  }
}
