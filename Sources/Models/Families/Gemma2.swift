// Gemma 2 (Gemma Team 2024), as `Gemma2ForCausalLM` of transformers computes it: norms before and after each part, caps on
// scores and logits, windows in every other layer.
import Base
import Graph

package struct Gemma2: GatedDecoderFamily {
  package static let modelType = "gemma2"
  package static let className = "Gemma2"
  package static let endOfText: Int? = 1

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 256_000, maximumLength: 8192, width: 2304, feedForward: 9216, layers: 26, heads: 8,
        keyHeads: 4, keyHeadsMayBeNull: false, headWidth: 256, headWidthMayBeNull: false, tied: true,
        dropoutMayBeNull: true, sharesWidth: true, activation: ("hidden_activation", "gelu_pytorch_tanh")))
    decoder.becomeGemma2(config, scoreCap: 50, logitCap: 30)
    decoder.rotate(config)
    decoder.slide(config, window: GatedDecoder.window(config, default: 4096)) { $0 % 2 == 0 }
    self.decoder = decoder
  }
}
