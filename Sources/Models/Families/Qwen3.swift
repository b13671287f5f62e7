// Qwen 3 (Yang et al. 2025), as `Qwen3ForCausalLM` of transformers computes it: norms on the heads of queries and keys.
import Base
import Graph

package struct Qwen3: GatedDecoderFamily {
  package static let modelType = "qwen3"
  package static let className = "Qwen3"
  package static let endOfText: Int? = nil

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 151_936, maximumLength: 32768, width: 4096, feedForward: 22016, layers: 32, heads: 32,
        keyHeads: 32, headWidth: 128, headWidthMayBeNull: false))
    decoder.queryBias = config.bool("attention_bias", default: false)
    decoder.outputBias = decoder.queryBias
    decoder.headNorms = .each
    decoder.rotate(config)
    decoder.slideUpperLayers(config)
    self.decoder = decoder
  }
}
