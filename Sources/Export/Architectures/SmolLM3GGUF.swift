// SmolLM 3: a Llama whose every fourth layer has no rotary positions, which llama.cpp knows by itself.
import Base
import Models
import Tensors

struct SmolLM3GGUF: PlainDecoderGGUF {
  static let families = ["smollm3"]
  static let name = "smollm3"
  static let theta = 2e6

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }

  private static let interval = 4

  func check(_ description: ModelDescription) throws {
    let rotates = shared.decoder.layers.map { $0.rotary != nil }
    guard rotates != rotates.indices.map({ ($0 + 1) % Self.interval != 0 }) else { return }
    throw UserError(
      .usage, "lacks rotary positions in other layers than every fourth, which llama.cpp does not know",
      at: description.folder)
  }

  var metadata: [(key: String, value: GGUFValue)] { shared.sizes + shared.plainRotation }
  func form(of parameter: ParameterSpec) -> TensorForm { shared.pairs(parameter) }
}
