// Mistral (Jiang et al. 2023), as `MistralForCausalLM` of transformers computes it: a Llama whose queries see a window of
// the last keys.
import Base
import Graph

package struct Mistral: GatedDecoderFamily {
  package static let modelType = "mistral"
  package static let className = "Mistral"
  package static let endOfText: Int? = 2

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 32000, maximumLength: 131072, width: 4096, feedForward: 14336, layers: 32, heads: 32,
        keyHeads: 8, keyHeadsMayBeNull: false))
    decoder.rotate(config)
    let window = GatedDecoder.window(config, default: 4096)
    for layer in decoder.layers.indices { decoder.layers[layer].window = window }
    self.decoder = decoder
  }
}
