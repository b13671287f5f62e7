// SmolLM 3 (Bakouch et al. 2025), as `SmolLM3ForCausalLM` of transformers computes it: a Llama whose every fourth layer has
// no rotary positions.
import Base
import Graph

package struct SmolLM3: GatedDecoderFamily {
  package static let modelType = "smollm3"
  package static let className = "SmolLM3"
  package static let endOfText: Int? = 128_001

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 128_256, maximumLength: 32768, width: 2048, feedForward: 11008, layers: 36, heads: 16,
        keyHeads: 4, tied: true))
    decoder.queryBias = config.bool("attention_bias", default: false)
    decoder.outputBias = decoder.queryBias
    decoder.feedForwardBias = config.bool("mlp_bias", default: false)
    decoder.rotate(config) { $0.theta = 2e6 }
    let rotates = Self.rotates(config, layers: decoder.layers.count)
    let window = GatedDecoder.window(config, default: nil)
    let slides = config.bool("use_sliding_window", default: false)
    decoder.slide(config, window: slides ? window : nil) { slides && window != nil && !rotates[$0] }
    for layer in decoder.layers.indices where !rotates[layer] { decoder.layers[layer].rotary = nil }
    self.decoder = decoder
  }

  /// `no_rope_layers` has a 1 for each layer that is rotated, whatever its name says.
  private static func rotates(_ config: ModelConfig, layers: Int) -> [Bool] {
    let interval = config.integer("no_rope_layer_interval", default: 4, in: 1...1 << 20)
    let usual = (0..<layers).map { ($0 + 1) % interval != 0 }
    guard config.isGiven("no_rope_layers"), !config.isNull("no_rope_layers") else { return usual }
    let given = config.integers("no_rope_layers", default: [])
    if given.count < layers {
      config.fail("no_rope_layers", "has \(given.count) entries for \(layers) layers")
      return usual
    }
    return given.prefix(layers).map { $0 != 0 }
  }
}
