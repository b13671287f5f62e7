// Llama and Mistral, which are one architecture in llama.cpp. It rotates pairs of neighbours, so the rows of queries and
// keys change places.
import Tensors

struct LlamaGGUF: PlainDecoderGGUF {
  static let families = ["llama", "mistral"]
  static let name = "llama"

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }

  var metadata: [(key: String, value: GGUFValue)] { shared.sizes + shared.plainRotation }
  func form(of parameter: ParameterSpec) -> TensorForm { shared.pairs(parameter) }
}

extension GatedDecoderGGUF {
  /// Of architectures that rotate pairs of neighbours.
  var plainRotation: [(key: String, value: GGUFValue)] {
    [
      ("vocab_size", .unsigned(UInt32(decoder.vocabulary))),
      ("rope.dimension_count", .unsigned(UInt32(decoder.headWidth))),
    ]
  }

  func pairs(_ parameter: ParameterSpec) -> TensorForm {
    if parameter.name.contains(".q_proj.") { return .pairs(heads: decoder.heads) }
    if parameter.name.contains(".k_proj.") { return .pairs(heads: decoder.keyHeads) }
    return .same
  }
}
