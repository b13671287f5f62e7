// Qwen 2, 2.5 and 3.

struct Qwen2GGUF: PlainDecoderGGUF {
  static let families = ["qwen2"]
  static let name = "qwen2"

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }
}

struct Qwen3GGUF: PlainDecoderGGUF {
  static let families = ["qwen3"]
  static let name = "qwen3"

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }
}
