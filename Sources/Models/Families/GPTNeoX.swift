// GPT-NeoX (Black et al. 2022) and Pythia (Biderman et al. 2023), as `GPTNeoXForCausalLM` of transformers computes them.
//
// Query, key and value of a head lie side by side in one projection, a part of each head is rotated, and attention and
// the feed-forward part read the same sum.
//
// B sequences of T tokens, C = hidden size, F = feed-forward width.
import Base
import Graph

package struct GPTNeoX: ModelFamily {
  package static let modelType = "gpt_neox"
  package static let className = "GPTNeoX"
  package static let basePrefix = "gpt_neox."
  package static let ignoredSuffixes = [
    ".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq",
  ]
  package static let embedding = "gpt_neox.embed_in.weight"
  /// As in files of any age; transformers 5 calls the module lm_head.
  package static let head = "embed_out.weight"
  package static let otherNames = [head: "lm_head.weight"]
  package static let endOfText: Int? = 2

  package let vocabulary: Int
  package let maximumLength: Int
  package let width: Int
  package let feedForward: Int
  package let layers: Int
  package let heads: Int
  package let epsilon: Double
  package let activation: GELUForm
  package let attentionBias: Bool
  package let isParallel: Bool
  package let attentionDropout: Double
  package let hiddenDropout: Double
  package let classifierDropout: Double
  package let rotary: RotaryTable
  package let tied: Bool

  package init(_ config: ModelConfig) {
    vocabulary = config.integer("vocab_size", default: 50432, in: 1...1 << 24)
    width = config.integer("hidden_size", default: 6144, in: 1...1 << 16)
    feedForward = config.integer("intermediate_size", default: 24576, in: 1...1 << 20)
    layers = config.integer("num_hidden_layers", default: 44, in: 1...4096)
    heads = config.integer("num_attention_heads", default: 64, in: 1...4096)
    epsilon = config.float("layer_norm_eps", default: 1e-5, in: 0...1)
    attentionBias = config.bool("attention_bias", default: true)
    isParallel = config.bool("use_parallel_residual", default: true)
    attentionDropout = config.number("attention_dropout", default: 0, in: 0...0.99)
    hiddenDropout = config.number("hidden_dropout", default: 0, in: 0...0.99)
    classifierDropout = config.number("classifier_dropout", default: 0.1, in: 0...0.99)
    tied = config.bool("tie_word_embeddings", default: false)
    let tanhNames = ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast"]
    let name = config.text("hidden_act", default: "gelu")
    activation = tanhNames.contains(name) ? .tanh : .gaussian
    if !(tanhNames + ["gelu", "gelu_python"]).contains(name) {
      config.fail("hidden_act", "\"\(name)\" is not supported", hint: "gelu is")
    }
    if width % heads != 0 {
      config.fail("hidden_size", "is \(width), which \(heads) heads do not share evenly")
    }
    if config.bool("is_decoder", default: false) {
      config.fail("is_decoder", "is true, which is not supported")
    }
    let longest = config.integer("max_position_embeddings", default: 2048, in: 1...1 << 24)
    var form = RotaryForm(headWidth: max(width / heads, 1), longest: longest, thetaKey: "rotary_emb_base")
    form.part = ("rotary_pct", 0.25)
    let positions = RotaryPositions(config, form)
    rotary = positions.table
    maximumLength = positions.longest
  }

  package func forward(_ graph: Graph) -> Value {
    let headWidth = width / heads
    let form = AttentionForm(
      heads: heads, keyHeads: heads, headWidth: headWidth, rotary: rotary, dropout: attentionDropout)
    var xBTC = graph.embedding(Self.embedding, vocabulary: vocabulary, columns: width)
    xBTC = graph.dropout(xBTC, hiddenDropout)
    for layer in 0..<layers {
      let l = "gpt_neox.layers.\(layer)."
      graph.layer {
        let nBTC = graph.layerNorm(xBTC, l + "input_layernorm", epsilon: epsilon)
        let qkv = graph.linear(
          nBTC, l + "attention.query_key_value", columns: 3 * width, bias: attentionBias)
        var aBTC = graph.attention(qkv, form, headStride: 3 * headWidth)
        aBTC = graph.linear(aBTC, l + "attention.dense", columns: width, bias: attentionBias)
        aBTC = graph.addPart(
          graph.dropout(aBTC, hiddenDropout), to: xBTC, .attention, l + "attention_adapters")

        let mBTC = graph.layerNorm(
          isParallel ? xBTC : aBTC, l + "post_attention_layernorm", epsilon: epsilon)
        let fBTF = graph.gelu(
          graph.linear(mBTC, l + "mlp.dense_h_to_4h", columns: feedForward, bias: true), activation)
        let dBTC = graph.linear(fBTF, l + "mlp.dense_4h_to_h", columns: width, bias: true)
        xBTC = graph.addPart(
          graph.dropout(dBTC, hiddenDropout), to: aBTC, .feedForward, l + "output_adapters")
      }
    }
    return graph.layerNorm(xBTC, "gpt_neox.final_layer_norm", epsilon: epsilon)
  }
}
