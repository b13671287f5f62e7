// Llama 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024), as `LlamaForCausalLM` of transformers computes them.
import Base
import Graph

package struct Llama: GatedDecoderFamily {
  package static let modelType = "llama"
  package static let className = "Llama"
  package static let endOfText: Int? = 2

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 32000, maximumLength: 2048, width: 4096, feedForward: 11008, layers: 32, heads: 32,
        dropoutMayBeNull: true, sharesWidth: true))
    decoder.queryBias = config.bool("attention_bias", default: false)
    decoder.outputBias = decoder.queryBias
    decoder.feedForwardBias = config.bool("mlp_bias", default: false)
    decoder.rotate(config)
    self.decoder = decoder
  }
}
