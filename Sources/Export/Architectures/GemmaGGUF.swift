// Gemma and Gemma 2, whose norms llama.cpp stores as what they multiply by.
import Tensors

struct GemmaGGUF: PlainDecoderGGUF {
  static let families = ["gemma"]
  static let name = "gemma"

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }

  func form(of parameter: ParameterSpec) -> TensorForm { parameter.isNorm ? .plusOne : .same }
}

struct Gemma2GGUF: PlainDecoderGGUF {
  /// What the other norms of a layer are called.
  static let norms = [
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
  ]

  static let families = ["gemma2"]
  static let name = "gemma2"

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }

  /// llama.cpp gives windows to every other layer, the first among them, as Gemma 2 has them.
  var metadata: [(key: String, value: GGUFValue)] {
    let decoder = shared.decoder
    let caps: [(String, Double?)] = [
      ("attn_logit_softcapping", decoder.scoreCap), ("final_logit_softcapping", decoder.logitCap),
    ]
    return shared.sizes
      + caps.compactMap { key, cap in cap.map { (key: key, value: .float(Float($0))) } }
      + decoder.layers.compactMap(\.window).prefix(1).map {
        (key: "attention.sliding_window", value: .unsigned(UInt32($0)))
      }
  }

  func name(of module: String) -> String? {
    GatedDecoderGGUF.name(of: module, norms: Self.norms)
  }

  func form(of parameter: ParameterSpec) -> TensorForm { parameter.isNorm ? .plusOne : .same }
  var notes: [String] { [] }
}
