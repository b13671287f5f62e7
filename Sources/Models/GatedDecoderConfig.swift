// The keys of config.json that families of `GatedDecoder` share. Their classes in transformers differ in defaults, and in
// which keys may be null.
import Base
import Graph

extension GatedDecoder {
  /// What a class of transformers has where config.json is silent.
  struct Defaults {
    let vocabulary: Int
    let maximumLength: Int
    let width: Int
    let feedForward: Int
    let layers: Int
    let heads: Int
    /// Nil for as many as heads; a null in config.json means that too.
    var keyHeads: Int?
    var keyHeadsMayBeNull = true
    /// Nil for C / H.
    var headWidth: Int?
    var headWidthMayBeNull = true
    var epsilon = 1e-6
    var tied = false
    var dropoutMayBeNull = false
    /// Whether C must be a multiple of H even if the heads have a width of their own.
    var sharesWidth = false
    /// The key of the activation function, and its name if that is absent.
    var activation = (key: "hidden_act", name: "silu")
  }

  /// Reads everything but rotary positions and windows: the layers see all keys, and nothing is rotated.
  init(_ config: ModelConfig, _ d: Defaults) {
    vocabulary = config.integer("vocab_size", default: d.vocabulary, in: 1...1 << 24)
    maximumLength = config.integer("max_position_embeddings", default: d.maximumLength, in: 1...1 << 24)
    width = config.integer("hidden_size", default: d.width, in: 1...1 << 16)
    feedForward = config.integer("intermediate_size", default: d.feedForward, in: 1...1 << 20)
    let count = config.integer("num_hidden_layers", default: d.layers, in: 1...4096)
    heads = config.integer("num_attention_heads", default: d.heads, in: 1...4096)
    keyHeads = config.integer(
      "num_key_value_heads", default: config.isNull("num_key_value_heads") ? heads : d.keyHeads ?? heads,
      in: 1...4096, orNull: d.keyHeadsMayBeNull)
    headWidth = config.integer(
      "head_dim", default: d.headWidth ?? max(width / heads, 1), in: 1...1 << 16,
      orNull: d.headWidthMayBeNull)
    epsilon = config.float("rms_norm_eps", default: d.epsilon, in: 0...1)
    tied = config.bool("tie_word_embeddings", default: d.tied)
    attentionDropout = config.number(
      "attention_dropout", default: 0, in: 0...0.99, orNull: d.dropoutMayBeNull)
    layers = [Layer](repeating: Layer(), count: count)
    let hasHeadWidth = d.headWidth != nil || config.isGiven("head_dim") && !config.isNull("head_dim")
    if width % heads != 0, d.sharesWidth || !hasHeadWidth {
      config.fail("hidden_size", "is \(width), which \(heads) heads do not share evenly")
    }
    if heads % keyHeads != 0 {
      config.fail("num_key_value_heads", "is \(keyHeads), which \(heads) heads do not share evenly")
    }
    gate = Self.gate(config, d)
  }

  /// The activation function, which is of the kind of the family's usual one.
  private static func gate(_ config: ModelConfig, _ d: Defaults) -> Gate {
    let gates: [(gate: Gate, names: [String])] =
      d.activation.name == "silu"
      ? [(.silu, ["silu", "swish"])]
      : [
        (
          .gelu(.tanh),
          ["gelu_pytorch_tanh", "gelu_new", "gelu_python_tanh", "gelu_accurate", "gelu_fast"]
        ), (.gelu(.gaussian), ["gelu", "gelu_python"]),
      ]
    let name = config.text(d.activation.key, default: d.activation.name)
    if let known = gates.first(where: { $0.names.contains(name) }) { return known.gate }
    let supported = gates.map { $0.names[0] }
    config.fail(
      d.activation.key, "\"\(name)\" is not supported",
      hint: supported.joined(separator: " and ") + (supported.count == 1 ? " is" : " are"))
    return gates[0].gate
  }

  /// Rotates queries and keys of all layers.
  mutating func rotate(_ config: ModelConfig, _ change: (inout RotaryForm) -> Void = { _ in }) {
    var form = RotaryForm(headWidth: headWidth, longest: maximumLength)
    change(&form)
    if headWidth % 2 != 0, form.part == nil {
      config.fail("head_dim", "is \(headWidth), but rotary positions need an even one")
    }
    let positions = RotaryPositions(config, form)
    for layer in layers.indices { layers[layer].rotary = positions.table }
    maximumLength = positions.longest
  }

  /// Gives windows to the layers that `layer_types` calls sliding, or by default to those that the family says.
  /// - Returns: which layers those are.
  @discardableResult
  mutating func slide(_ config: ModelConfig, window: Int?, usually slides: (_ layer: Int) -> Bool) -> [Bool] {
    let isGiven = config.isGiven("layer_types") && !config.isNull("layer_types")
    var isSliding = layers.indices.map(slides)
    if isGiven {
      let types = config.texts("layer_types")
      if types.count != layers.count {
        config.fail("layer_types", "has \(types.count) entries for \(layers.count) layers")
        return isSliding
      }
      for type in Set(types).subtracting(["full_attention", "sliding_attention"]).sorted() {
        config.fail(
          "layer_types", "\"\(type)\" is not supported", hint: "full_attention and sliding_attention are")
      }
      isSliding = types.map { $0 == "sliding_attention" }
    }
    for layer in layers.indices where isSliding[layer] {
      if let window {
        layers[layer].window = window
      } else {
        config.fail("layer_types", "has sliding_attention, but there is no sliding_window")
        return isSliding
      }
    }
    return isSliding
  }

  /// `sliding_window`, or nil where it is null.
  static func window(_ config: ModelConfig, default fallback: Int?) -> Int? {
    if config.isNull("sliding_window") || !config.isGiven("sliding_window") && fallback == nil { return nil }
    return config.integer("sliding_window", default: fallback ?? 1, in: 1...1 << 30)
  }
}
