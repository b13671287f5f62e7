// BERT (Devlin et al. 2019), as `BertModel` of transformers computes it, and its classifier.
//
// B sequences of T tokens, C = hidden size, F = feed-forward width.
import Base
import Graph
import Tensors

package struct BERT: ModelFamily {
  package static let modelType = "bert"
  package static let className = "Bert"
  package static let heads: [Head.Kind] = [.none, .labels, .tokenLabels, .spans, .choices]
  package static let classifier = "classifier"
  package static let isCausal = false
  package static let headPrefixes = ["classifier.", "qa_outputs.", "cls.", "bert.pooler.", "pooler."]
  package static let basePrefix = "bert."
  package static let ignoredSuffixes = [".position_ids"]
  package static let embedding = "bert.embeddings.word_embeddings.weight"
  package static let endOfText: Int? = nil

  package let vocabulary: Int
  package let maximumLength: Int
  package let types: Int
  package let width: Int
  package let feedForward: Int
  package let layers: Int
  package let heads: Int
  package let epsilon: Double
  package let activation: GELUForm
  package let hiddenDropout: Double
  package let attentionDropout: Double
  package let classifierDropout: Double
  package let tied = true

  package init(_ config: ModelConfig) {
    vocabulary = config.integer("vocab_size", default: 30522, in: 1...1 << 24)
    maximumLength = config.integer("max_position_embeddings", default: 512, in: 1...1 << 20)
    types = config.integer("type_vocab_size", default: 2, in: 1...1 << 10)
    width = config.integer("hidden_size", default: 768, in: 1...1 << 16)
    feedForward = config.integer("intermediate_size", default: 3072, in: 1...1 << 20)
    layers = config.integer("num_hidden_layers", default: 12, in: 1...4096)
    heads = config.integer("num_attention_heads", default: 12, in: 1...4096)
    epsilon = config.float("layer_norm_eps", default: 1e-12, in: 0...1)
    hiddenDropout = config.number("hidden_dropout_prob", default: 0.1, in: 0...0.99)
    attentionDropout = config.number("attention_probs_dropout_prob", default: 0.1, in: 0...0.99)
    classifierDropout =
      config.isNull("classifier_dropout")
      ? hiddenDropout : config.number("classifier_dropout", default: hiddenDropout, in: 0...0.99)
    let tanhNames = ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast"]
    let name = config.text("hidden_act", default: "gelu")
    activation = tanhNames.contains(name) ? .tanh : .gaussian
    if !(tanhNames + ["gelu", "gelu_python"]).contains(name) {
      config.fail("hidden_act", "\"\(name)\" is not supported", hint: "gelu is")
    }
    if width % heads != 0 {
      config.fail("hidden_size", "is \(width), which \(heads) heads do not share evenly")
    }
    for key in ["is_decoder", "add_cross_attention"] where config.bool(key, default: false) {
      config.fail(key, "is true, which is not supported")
    }
    let positions = config.text("position_embedding_type", default: "absolute")
    if positions != "absolute" {
      config.fail(
        "position_embedding_type", "is \"\(positions)\", which is not supported", hint: "absolute is")
    }
  }

  package func forward(_ graph: Graph) -> Value {
    let e = "bert.embeddings."
    var xBTC = graph.embedding(Self.embedding, vocabulary: vocabulary, columns: width)
    xBTC = graph.addTypes(xBTC, e + "token_type_embeddings.weight", types: types)
    xBTC = graph.addPositions(xBTC, e + "position_embeddings.weight", positions: maximumLength)
    xBTC = graph.dropout(graph.layerNorm(xBTC, e + "LayerNorm", epsilon: epsilon), hiddenDropout)
    for layer in 0..<layers {
      let l = "bert.encoder.layer.\(layer)."
      graph.layer {
        let qkv = graph.linear(
          xBTC,
          [
            (l + "attention.self.query", columns: width), (l + "attention.self.key", columns: width),
            (l + "attention.self.value", columns: width),
          ], bias: true)
        var aBTC = graph.attention(
          qkv, heads: heads, keyHeads: heads, headWidth: width / heads, isCausal: false,
          dropout: attentionDropout)
        aBTC = graph.linear(aBTC, l + "attention.output.dense", columns: width, bias: true)
        xBTC = graph.layerNorm(
          graph.add(xBTC, graph.dropout(aBTC, hiddenDropout)), l + "attention.output.LayerNorm",
          epsilon: epsilon)

        let fBTF = graph.gelu(
          graph.linear(xBTC, l + "intermediate.dense", columns: feedForward, bias: true), activation)
        let mBTC = graph.linear(fBTF, l + "output.dense", columns: width, bias: true)
        xBTC = graph.layerNorm(
          graph.add(xBTC, graph.dropout(mBTC, hiddenDropout)), l + "output.LayerNorm", epsilon: epsilon)
      }
    }
    return xBTC
  }

  /// The pooler reads the first token, [CLS].
  package func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    let pBC = graph.tanh(
      graph.linear(graph.token(hidden, .first), "bert.pooler.dense", columns: width, bias: true))
    return graph.linear(
      graph.dropout(pBC, classifierDropout), Self.classifier, columns: labels, bias: true)
  }
}
