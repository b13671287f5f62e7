// Phi 3, 3.5 and 4 mini: queries, keys and values in one matrix, gate and up in another, and two lists of factors of the
// angles, for short and for long texts.
import Foundation
import Models

struct Phi3GGUF: PlainDecoderGGUF {
  static let families = ["phi3"]
  static let name = "phi3"
  static let rotaryKinds = ["default", "longrope", "su"]

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }

  private var isLong: Bool { shared.scaling.kind != "default" }

  var metadata: [(key: String, value: GGUFValue)] {
    let decoder = shared.decoder
    let width = decoder.layers.first?.rotary?.width ?? decoder.headWidth
    var keys =
      shared.sizes + [
        (key: "rope.dimension_count", value: GGUFValue.unsigned(UInt32(width))),
        // 0 tells Phi 4 from Phi 3.
        (
          key: "attention.sliding_window",
          value: .unsigned(UInt32(decoder.layers.compactMap(\.window).min() ?? 0))
        ),
      ]
    guard isLong else { return keys }
    let (original, settings) = (shared.original ?? 4096, shared.scaling.settings)
    let stretch = settings["factor"]?.double ?? Double(shared.longest) / Double(original)
    let factor =
      settings["attention_factor"]?.double
      ?? (stretch > 1 ? (1 + log(stretch) / log(Double(original))).squareRoot() : 1)
    keys += [
      ("rope.scaling.original_context_length", .unsigned(UInt32(original))),
      ("rope.scaling.attn_factor", .float(Float(factor))),
    ]
    return keys
  }

  var rotaryFactors: [RotaryFactors] {
    guard isLong else { return [] }
    return [("rope_factors_long", "long_factor"), ("rope_factors_short", "short_factor")].map { name, key in
      RotaryFactors(
        name: name,
        values: shared.scaling.settings[key]?.elements?.compactMap(\.double).map { Float($0) } ?? [])
    }
  }

  private static let parts = [
    "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up", "post_attention_layernorm": "ffn_norm",
  ]

  func name(of module: String) -> String? { GatedDecoderGGUF.name(of: module, norms: Self.parts) }
}
