// OLMo 2, whose norms stand behind attention and the feed-forward part.

struct OLMo2GGUF: PlainDecoderGGUF {
  static let families = ["olmo2"]
  static let name = "olmo2"

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }

  func name(of module: String) -> String? { GatedDecoderGGUF.name(of: module, norms: Gemma2GGUF.norms) }
}
