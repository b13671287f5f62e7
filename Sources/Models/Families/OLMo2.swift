// OLMo 2 (Walsh et al. 2024), as `Olmo2ForCausalLM` of transformers computes it: norms after attention and the feed-forward
// part instead of before, and on all heads of queries and of keys at once.
import Base
import Graph

package struct OLMo2: GatedDecoderFamily {
  package static let modelType = "olmo2"
  package static let className = "Olmo2"
  package static let endOfText: Int? = 50279

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 50304, maximumLength: 2048, width: 4096, feedForward: 11008, layers: 32, heads: 32,
        epsilon: 1e-5))
    decoder.queryBias = config.bool("attention_bias", default: false)
    decoder.outputBias = decoder.queryBias
    decoder.norms = .after
    decoder.headNorms = .all
    decoder.rotate(config)
    self.decoder = decoder
  }
}
