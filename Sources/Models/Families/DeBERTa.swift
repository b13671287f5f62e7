// DeBERTa v2 and v3 (He et al. 2021; 2023), as `DebertaV2Model` of transformers computes it: BERT whose attention
// weighs contents and distances apart.
//
// B sequences of T tokens, C = hidden size, R = rows of the table of distances.
import Base
import Graph
import Tensors

package struct DeBERTa: ModelFamily {
  package static let modelType = "deberta-v2"
  package static let className = "DebertaV2"
  package static let heads = Head.Kind.ofEncoders
  package static let classifier = "classifier"
  package static let head = "cls.predictions.decoder.weight"
  package static let isCausal = false
  package static let headPrefixes = [
    "pooler.", "classifier.", "cls.", "qa_outputs.", "lm_predictions.", "mask_predictions.",
  ]
  package static let basePrefix = "deberta."
  package static let ignoredSuffixes = [".position_ids", "cls.predictions.decoder.bias"]
  package static let embedding = "deberta.embeddings.word_embeddings.weight"
  package static let endOfText: Int? = nil

  package let vocabulary: Int
  package let maximumLength: Int
  package let types: Int
  package let layers: Int
  package let block: EncoderBlock
  /// nil where attention knows contents only.
  package let distances: DisentangledDistances?
  /// Whether queries are weighed by distances, and keys.
  package let hasDistanceKeys: Bool
  package let hasDistanceQueries: Bool
  /// Whether distances are projected as contents are.
  package let sharesProjections: Bool
  package let normalisesDistances: Bool
  package let hasPositions: Bool
  /// Whether the head for masked tokens is the one that transformers had first.
  package let hasLegacyHead: Bool
  package let hiddenDropout: Double
  package let poolerDropout: Double
  package let poolerActivation: Activation
  package let sequenceDropout: Double
  package let tied: Bool

  package init(_ config: ModelConfig) {
    vocabulary = config.integer("vocab_size", default: 128100, in: 1...1 << 24)
    maximumLength = config.integer("max_position_embeddings", default: 512, in: 1...1 << 20)
    types = config.integer("type_vocab_size", default: 0, in: 0...1 << 10)
    layers = config.integer("num_hidden_layers", default: 24, in: 1...4096)
    hiddenDropout = config.number("hidden_dropout_prob", default: 0.1, in: 0...0.99)
    poolerDropout = config.number("pooler_dropout", default: 0, in: 0...0.99)
    sequenceDropout = config.number("cls_dropout", default: hiddenDropout, in: 0...0.99, orNull: true)
    poolerActivation = Activation(config, "pooler_hidden_act")
    hasPositions = config.bool("position_biased_input", default: true)
    hasLegacyHead = config.bool("legacy", default: true)
    sharesProjections = config.bool("share_att_key", default: false)
    tied = config.bool("tie_word_embeddings", default: true)
    normalisesDistances = config.text("norm_rel_ebd", default: "none").split(separator: "|")
      .contains { $0.filter { $0 != " " } == "layer_norm" }
    let kinds = Self.kinds(config)
    hasDistanceKeys = kinds.contains("c2p")
    hasDistanceQueries = kinds.contains("p2c")
    let longest = config.integer("max_relative_positions", default: -1, in: -1...1 << 20)
    let farthest = longest < 1 ? maximumLength : longest
    let buckets = config.integer("position_buckets", default: -1, in: -1...1 << 20)
    let isRelative = config.bool("relative_attention", default: false)
    distances =
      isRelative && !kinds.isEmpty
      ? DisentangledDistances(
        span: buckets > 0 ? buckets : farthest, buckets: buckets > 0 ? buckets : nil, farthest: farthest)
      : nil
    let width = config.integer("hidden_size", default: 1536, in: 1...1 << 16)
    block = EncoderBlock(
      names: EncoderBlock.Names(
        query: "attention.self.query_proj", key: "attention.self.key_proj",
        value: "attention.self.value_proj",
        attentionOutput: "attention.output.dense", attentionNorm: "attention.output.LayerNorm",
        inner: "intermediate.dense", outer: "output.dense", outputNorm: "output.LayerNorm",
        attentionAdapter: "attention.output", outputAdapter: "output"),
      width: width, feedForward: config.integer("intermediate_size", default: 6144, in: 1...1 << 20),
      heads: config.integer("num_attention_heads", default: 24, in: 1...4096),
      epsilon: config.float("layer_norm_eps", default: 1e-7, in: 0...1),
      activation: Activation(config, "hidden_act"), attentionOutputDropout: hiddenDropout,
      outputDropout: hiddenDropout,
      attentionDropout: config.number("attention_probs_dropout_prob", default: 0.1, in: 0...0.99))
    if width % block.heads != 0 {
      config.fail("hidden_size", "is \(width), which \(block.heads) heads do not share evenly")
    }
    if !isRelative || kinds.isEmpty {
      config.fail("relative_attention", "is false, or pos_att_type empty, which is not supported")
    }
    if buckets > 0, buckets < 4 || farthest - 1 <= buckets / 2 {
      config.fail("position_buckets", "is \(buckets), which does not fit distances up to \(farthest)")
    }
    for key in ["embedding_size", "attention_head_size", "pooler_hidden_size"] {
      let usual = key == "attention_head_size" ? max(width / block.heads, 1) : width
      if config.integer(key, default: usual, in: 1...1 << 20, orNull: true) != usual {
        config.fail(key, "is not \(usual), which is not supported")
      }
    }
    if config.integer("conv_kernel_size", default: 0, in: 0...1 << 10) != 0 {
      config.fail("conv_kernel_size", "is not 0, which is not supported")
    }
  }

  /// What distances are weighed with: a list of names, or names between bars.
  private static func kinds(_ config: ModelConfig) -> Set<String> {
    let isText = config.isText("pos_att_type")
    let names =
      isText
      ? config.text("pos_att_type").lowercased().split(separator: "|").map { String($0.filter { $0 != " " }) }
      : config.texts("pos_att_type")
    for name in names where !["c2p", "p2c"].contains(name) {
      config.fail("pos_att_type", "has \"\(name)\", which is not supported", hint: "c2p and p2c are")
    }
    return Set(names)
  }

  package func forward(_ graph: Graph) -> Value {
    let e = "deberta.embeddings."
    var xBTC = graph.embedding(Self.embedding, vocabulary: vocabulary, columns: block.width)
    if hasPositions {
      xBTC = graph.addPositions(xBTC, e + "position_embeddings.weight", positions: maximumLength)
    }
    if types > 0 { xBTC = graph.addTypes(xBTC, e + "token_type_embeddings.weight", types: types) }
    xBTC = graph.dropout(graph.layerNorm(xBTC, e + "LayerNorm", epsilon: block.epsilon), hiddenDropout)
    guard let distances else { return xBTC }
    var tableRC = graph.table(
      "deberta.encoder.rel_embeddings.weight", rows: distances.rows, columns: block.width)
    if normalisesDistances {
      tableRC = graph.layerNorm(tableRC, "deberta.encoder.LayerNorm", epsilon: block.epsilon)
    }
    for layer in 0..<layers {
      let l = "deberta.encoder.layer.\(layer)."
      graph.layer {
        let qkv = block.projections(xBTC, l, on: graph)
        let names =
          (hasDistanceKeys ? [sharesProjections ? block.names.key : "attention.self.pos_key_proj"] : [])
          + (hasDistanceQueries
            ? [sharesProjections ? block.names.query : "attention.self.pos_query_proj"] : [])
        let projected = graph.linear(
          graph.sharedDropout(tableRC, hiddenDropout), names.map { (l + $0, columns: block.width) },
          bias: true)
        let aBTC = graph.disentangledAttention(
          qkv, projected, hasKeys: hasDistanceKeys, hasQueries: hasDistanceQueries, distances,
          heads: block.heads, dropout: block.attentionDropout)
        xBTC = block.fedForward(block.afterAttention(aBTC, of: xBTC, l, on: graph), l, on: graph)
      }
    }
    return xBTC
  }

  /// The first token, [CLS], through the pooler.
  package func classify(_ hidden: Value, labels: Int, _ graph: Graph) -> Value {
    let xBC = graph.dropout(graph.token(hidden, .first), poolerDropout)
    let pBC = poolerActivation.record(
      graph.linear(xBC, "pooler.dense", columns: block.width, bias: true), on: graph)
    return graph.linear(graph.dropout(pBC, sequenceDropout), Self.classifier, columns: labels, bias: true)
  }

  package var classifierDropout: Double { hiddenDropout }

  package func maskedLanguageModel(_ hidden: Value, _ graph: Graph) {
    let (dense, norm, bias) =
      hasLegacyHead
      ? ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias")
      : ("lm_predictions.lm_head.dense", "lm_predictions.lm_head.LayerNorm", "lm_predictions.lm_head.bias")
    let tBTC = block.activation.record(
      graph.linear(hidden, dense, columns: block.width, bias: true), on: graph)
    graph.languageModelHead(
      graph.layerNorm(tBTC, norm, epsilon: block.epsilon),
      weight: hasLegacyHead ? outputEmbedding : Self.embedding, bias: bias, vocabulary: vocabulary)
  }
}
