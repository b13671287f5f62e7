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

  /// - Throws: where llama.cpp has no rotary positions of that kind.
  init(_ description: ModelDescription, _ decoder: GatedDecoder) throws {
    self.decoder = decoder
    config = description.config
    let old = config["rope_scaling"] ?? .null
    let settings = old.members?.isEmpty == false ? old : config["rope_parameters"] ?? .null
    let kind = (settings["rope_type"] ?? settings["type"])?.text ?? "default"
    guard ["default", "linear", "dynamic", "llama3", "yarn"].contains(kind) else {
      throw UserError(
        .usage, "has rotary positions of the kind \"\(kind)\", which are not exported as GGUF",
        at: description.folder, hint: "default, linear, dynamic, llama3 and yarn are")
    }
    scaling = (kind, settings)
  }

  /// The base of the angles; 10,000 where config.json is silent, as in transformers.
  var theta: Double {
    scaling.settings["rope_theta"]?.double ?? config["rope_theta"]?.double ?? 10000
  }

  var sizes: [(key: String, value: GGUFValue)] {
    var keys: [(key: String, value: GGUFValue)] = [
      ("block_count", .unsigned(UInt32(decoder.layers.count))),
      ("context_length", .unsigned(UInt32(decoder.maximumLength))),
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
  var rotaryFactors: [Float]? {
    guard scaling.kind == "llama3", let table = decoder.layers.first?.rotary else { return nil }
    return table.frequencies.enumerated().map { place, frequency in
      1 / pow(Float(theta), Float(2 * place) / Float(table.width)) / frequency
    }
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
}

extension PlainDecoderGGUF {
  init(_ description: ModelDescription) throws {
    guard let family = description.family as? any GatedDecoderFamily else {
      preconditionFailure("the families of these architectures are gated decoders")
    }
    self.init(try GatedDecoderGGUF(description, family.decoder))
  }

  var metadata: [(key: String, value: GGUFValue)] { shared.sizes }
  func name(of module: String) -> String? {
    GatedDecoderGGUF.name(of: module, norms: ["post_attention_layernorm": "ffn_norm"])
  }
  func form(of parameter: ParameterSpec) -> TensorForm { .same }
  var rotaryFactors: [Float]? { shared.rotaryFactors }
  var notes: [String] { shared.notes }
}
