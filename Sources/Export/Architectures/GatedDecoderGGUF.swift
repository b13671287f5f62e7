// What llama.cpp's architectures of Llama's kind share: names of tensors, sizes, rotary positions.
import Base
import Foundation
import Models
import Tensors

/// A family of `GatedDecoder`s.
struct GatedDecoderGGUF {
  let decoder: GatedDecoder
  private let config: JSON
  /// The kind of scaling of rotary positions, and its settings.
  let scaling: (kind: String, settings: JSON)

  /// The base of the angles where config.json is silent, as in transformers.
  private let usualTheta: Double
  /// Kinds of rotary positions that most architectures have.
  static let kinds = ["default", "linear", "dynamic", "llama3", "yarn"]

  /// - Throws: where the architecture of llama.cpp has no rotary positions of that kind.
  init(
    _ description: ModelDescription, _ decoder: GatedDecoder, kinds: [String] = kinds, theta: Double = 10000
  ) throws {
    self.decoder = decoder
    config = description.config
    usualTheta = theta
    let old = config["rope_scaling"] ?? .null
    // Where layers differ, that of layers that see everything.
    let new = config["rope_parameters"]?["full_attention"] ?? config["rope_parameters"] ?? .null
    let settings = old.members?.isEmpty == false ? old : new
    let kind = (settings["rope_type"] ?? settings["type"])?.text ?? "default"
    guard kinds.contains(kind) else {
      throw UserError(
        .usage, "has rotary positions of the kind \"\(kind)\", which are not exported as GGUF",
        at: description.folder, hint: "\(kinds.joined(separator: ", ")) are")
    }
    scaling = (kind, settings)
  }

  /// The base of the angles.
  var theta: Double {
    scaling.settings["rope_theta"]?.double ?? config["rope_theta"]?.double ?? usualTheta
  }

  /// How long texts may be; with some rotary positions, longer than swiftdp reads them.
  var longest: Int { config["max_position_embeddings"]?.integer ?? decoder.maximumLength }

  /// How long the texts were that rotary positions were made for; nil where config.json does not say.
  var original: Int? {
    (scaling.settings["original_max_position_embeddings"] ?? config["original_max_position_embeddings"])?
      .integer
  }

  var sizes: [(key: String, value: GGUFValue)] {
    var keys: [(key: String, value: GGUFValue)] = [
      ("block_count", .unsigned(UInt32(decoder.layers.count))),
      ("context_length", .unsigned(UInt32(longest))),
      ("embedding_length", .unsigned(UInt32(decoder.width))),
      ("feed_forward_length", .unsigned(UInt32(decoder.feedForward))),
      ("attention.head_count", .unsigned(UInt32(decoder.heads))),
      ("attention.head_count_kv", .unsigned(UInt32(decoder.keyHeads))),
      ("attention.layer_norm_rms_epsilon", .float(Float(decoder.epsilon))),
      ("attention.key_length", .unsigned(UInt32(decoder.headWidth))),
      ("attention.value_length", .unsigned(UInt32(decoder.headWidth))),
    ]
    keys += [("rope.freq_base", .float(Float(theta)))]
    func number(_ key: String) -> Float? { scaling.settings[key]?.double.map { Float($0) } }
    switch scaling.kind {
    case "linear":
      keys += [
        ("rope.scaling.type", .text("linear")), ("rope.scaling.factor", .float(number("factor") ?? 1)),
      ]
    case "yarn":
      let original = number("original_max_position_embeddings") ?? Float(decoder.maximumLength)
      keys += [
        ("rope.scaling.type", .text("yarn")),
        ("rope.scaling.factor", .float(number("factor") ?? Float(decoder.maximumLength) / original)),
        ("rope.scaling.original_context_length", .unsigned(UInt32(original))),
      ]
      let more = [
        ("attention_factor", "rope.scaling.yarn_attn_factor"), ("beta_fast", "rope.scaling.yarn_beta_fast"),
        ("beta_slow", "rope.scaling.yarn_beta_slow"),
      ]
      for (key, name) in more { if let value = number(key) { keys.append((name, .float(value))) } }
    default: break
    }
    return keys
  }

  /// What the angles of Llama 3 are divided by.
  var rotaryFactors: [RotaryFactors] {
    guard scaling.kind == "llama3", let table = decoder.layers.first?.rotary else { return [] }
    let factors = table.frequencies.enumerated().map { place, frequency in
      1 / pow(Float(theta), Float(2 * place) / Float(table.width)) / frequency
    }
    return [RotaryFactors(name: "rope_freqs", values: factors)]
  }

  var notes: [String] {
    guard let window = decoder.layers.compactMap(\.window).min(), window < decoder.maximumLength else {
      return []
    }
    return ["attention sees at most \(window) tokens back in some layers, and all of them in llama.cpp"]
  }

  /// The parts of a layer that all of these families have.
  private static let parts = [
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
  ]

  /// - Parameter norms: what the other norms of a layer are called.
  static func name(of module: String, norms: [String: String]) -> String? {
    switch module {
    case "model.embed_tokens": return "token_embd"
    case "model.norm": return "output_norm"
    case "lm_head": return "output"
    default: return layer(module, behind: "model.layers.", parts.merging(norms) { $1 })
    }
  }

  /// `model.layers.7.mlp.up_proj` as `blk.7.ffn_up`.
  static func layer(_ module: String, behind prefix: String, _ parts: [String: String]) -> String? {
    guard module.hasPrefix(prefix) else { return nil }
    let words = module.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
    guard words.count == 2, let part = parts[String(words[1])] else { return nil }
    return "blk.\(words[0]).\(part)"
  }
}

/// An architecture with Llama's names, whose tensors stay as they are.
protocol PlainDecoderGGUF: GGUFArchitecture {
  init(_ shared: GatedDecoderGGUF)
  var shared: GatedDecoderGGUF { get }
  /// See `GatedDecoderGGUF.init`.
  static var rotaryKinds: [String] { get }
  static var theta: Double { get }
  /// - Throws: where llama.cpp computes something else for this architecture.
  func check(_ description: ModelDescription) throws
}

extension PlainDecoderGGUF {
  static var rotaryKinds: [String] { GatedDecoderGGUF.kinds }
  static var theta: Double { 10000 }
  func check(_ description: ModelDescription) throws {}

  init(_ description: ModelDescription) throws {
    guard let family = description.family as? any GatedDecoderFamily else {
      preconditionFailure("the families of these architectures are gated decoders")
    }
    self.init(
      try GatedDecoderGGUF(description, family.decoder, kinds: Self.rotaryKinds, theta: Self.theta))
    try check(description)
  }

  var metadata: [(key: String, value: GGUFValue)] { shared.sizes }
  func name(of module: String) -> String? {
    GatedDecoderGGUF.name(of: module, norms: ["post_attention_layernorm": "ffn_norm"])
  }
  func form(of parameter: ParameterSpec) -> TensorForm { .same }
  var rotaryFactors: [RotaryFactors] { shared.rotaryFactors }
  var notes: [String] { shared.notes }
}
