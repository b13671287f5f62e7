// Llama and Mistral, which are one architecture in llama.cpp. It rotates pairs of neighbours, so the rows of queries and
// keys change places.
import Tensors

struct LlamaGGUF: PlainDecoderGGUF {
  static let families = ["llama", "mistral"]
  static let name = "llama"

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }

  var metadata: [(key: String, value: GGUFValue)] {
    shared.sizes + [
      ("vocab_size", .unsigned(UInt32(shared.decoder.vocabulary))),
      ("rope.dimension_count", .unsigned(UInt32(shared.decoder.headWidth))),
    ]
  }

  func form(of parameter: ParameterSpec) -> TensorForm {
    if parameter.name.contains(".q_proj.") { return .pairs(heads: shared.decoder.heads) }
    if parameter.name.contains(".k_proj.") { return .pairs(heads: shared.decoder.keyHeads) }
    return .same
  }
}
