// Qwen 2 and 2.5 (Yang et al. 2024), as `Qwen2ForCausalLM` of transformers computes them: a Llama with biases on queries,
// keys and values, and windows in the upper layers if config.json wants them.
import Base
import Graph

package struct Qwen2: GatedDecoderFamily {
  package static let modelType = "qwen2"
  package static let className = "Qwen2"
  package static let endOfText: Int? = nil

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 151_936, maximumLength: 32768, width: 4096, feedForward: 22016, layers: 32, heads: 32,
        keyHeads: 32))
    decoder.queryBias = true
    decoder.rotate(config)
    decoder.slideUpperLayers(config)
    self.decoder = decoder
  }
}

extension GatedDecoder {
  /// Windows as the Qwen families have them: in the layers from `max_window_layers` on, if they are switched on.
  mutating func slideUpperLayers(_ config: ModelConfig) {
    let given = Self.window(config, default: 4096)
    let window = config.bool("use_sliding_window", default: false) ? given : nil
    let first = config.integer("max_window_layers", default: 28, in: 0...1 << 20)
    slide(config, window: window) { window != nil && $0 >= first }
  }
}
