// GPT-2 (Radford et al. 2019), as `GPT2LMHeadModel` of transformers computes it.
//
// B sequences of T tokens, C = n_embd, F = feed-forward width, V = vocabulary.
import Base
import Graph
import Tensors

package struct GPT2: ModelFamily {
  package static let modelType = "gpt2"
  package static let basePrefix = "transformer."
  package static let ignoredSuffixes = [".attn.bias", ".attn.masked_bias"]

  private static let wte = "transformer.wte.weight"
  package var outputEmbedding: String { tied ? Self.wte : "lm_head.weight" }

  package let vocabulary: Int
  package let maximumLength: Int
  let width: Int
  let layers: Int
  let heads: Int
  let feedForward: Int
  let epsilon: Double
  let embeddingDropout: Double
  let residualDropout: Double
  let attentionDropout: Double
  let tied: Bool

  package init(_ config: Section) {
    vocabulary = config.integer("vocab_size", default: 50257, in: 1...1 << 24)
    maximumLength = config.integer("n_positions", default: 1024, in: 1...1 << 20)
    width = config.integer("n_embd", default: 768, in: 1...1 << 16)
    layers = config.integer("n_layer", default: 12, in: 1...4096)
    heads = config.integer("n_head", default: 12, in: 1...4096)
    feedForward = config.integer("n_inner", default: 4 * width, in: 1...1 << 20)
    epsilon = config.number("layer_norm_epsilon", default: 1e-5, in: 0...1)
    embeddingDropout = config.number("embd_pdrop", default: 0.1, in: 0...0.99)
    residualDropout = config.number("resid_pdrop", default: 0.1, in: 0...0.99)
    attentionDropout = config.number("attn_pdrop", default: 0.1, in: 0...0.99)
    tied = config.bool("tie_word_embeddings", default: true)
    if width % heads != 0 { config.fail("n_embd", "is \(width), which \(heads) heads do not share evenly") }
    let activation = config.text("activation_function", default: "gelu_new")
    if !["gelu_new", "gelu_pytorch_tanh"].contains(activation) {
      config.fail("activation_function", "\"\(activation)\" is not supported", hint: "gelu_new is")
    }
    for (key, supported) in [
      ("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false),
      ("add_cross_attention", false),
    ] where config.bool(key, default: supported) != supported {
      config.fail(key, "is \(!supported), which is not supported")
    }
  }

  package func forward(_ graph: Graph) -> Value {
    var xBTC = graph.embedding(Self.wte, vocabulary: vocabulary, columns: width)
    xBTC = graph.addPositions(xBTC, "transformer.wpe.weight", positions: maximumLength)
    xBTC = graph.dropout(xBTC, embeddingDropout)
    for layer in 0..<layers {
      let h = "transformer.h.\(layer)."
      graph.block {
        var nBTC = graph.layerNorm(xBTC, h + "ln_1", epsilon: epsilon)
        let qkv = graph.linear(
          nBTC, h + "attn.c_attn", columns: 3 * width, bias: true, layout: .inputByOutput)
        var aBTC = graph.attention(
          qkv, heads: heads, keyHeads: heads, headWidth: width / heads, dropout: attentionDropout)
        aBTC = graph.linear(aBTC, h + "attn.c_proj", columns: width, bias: true, layout: .inputByOutput)
        xBTC = graph.add(xBTC, graph.dropout(aBTC, residualDropout))

        nBTC = graph.layerNorm(xBTC, h + "ln_2", epsilon: epsilon)
        var fBTF = graph.linear(
          nBTC, h + "mlp.c_fc", columns: feedForward, bias: true, layout: .inputByOutput)
        fBTF = graph.gelu(fBTF)
        let mBTC = graph.linear(
          fBTF, h + "mlp.c_proj", columns: width, bias: true, layout: .inputByOutput)
        xBTC = graph.add(xBTC, graph.dropout(mBTC, residualDropout))
      }
    }
    return graph.layerNorm(xBTC, "transformer.ln_f", epsilon: epsilon)
  }
}
