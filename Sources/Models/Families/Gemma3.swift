// The text model of Gemma 3 (Gemma Team 2025), as `Gemma3ForCausalLM` of transformers computes it: norms on heads, and five
// layers with windows and angles of their own before each one that sees everything.
import Base
import Graph

package struct Gemma3: GatedDecoderFamily {
  package static let modelType = "gemma3_text"
  package static let className = "Gemma3Text"
  package static let languageModelClass = "Gemma3ForCausalLM"
  package static let endOfText: Int? = 1

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 262_208, maximumLength: 131_072, width: 2304, feedForward: 9216, layers: 26, heads: 8,
        keyHeads: 4, keyHeadsMayBeNull: false, headWidth: 256, headWidthMayBeNull: false, tied: true,
        dropoutMayBeNull: true, sharesWidth: true, activation: ("hidden_activation", "gelu_pytorch_tanh")))
    decoder.becomeGemma2(config, scoreCap: nil, logitCap: nil)
    // transformers' forward pass of this family leaves that cap out.
    decoder.scoreCap = nil
    decoder.headNorms = .each
    let pattern = config.integer("sliding_window_pattern", default: 6, in: 1...1 << 20)
    let isSliding = decoder.slide(config, window: GatedDecoder.window(config, default: 4096)) {
      ($0 + 1) % pattern != 0
    }
    let tables = Self.tables(config, decoder)
    for layer in decoder.layers.indices {
      decoder.layers[layer].rotary = isSliding[layer] ? tables.sliding : tables.full
    }
    self.decoder = decoder
  }

  /// `rope_parameters` has an object for each type of layer. Older files have `rope_scaling` and `rope_theta` for layers
  /// that see everything, and `rope_local_base_freq` for the others.
  private static func tables(
    _ config: ModelConfig, _ decoder: GatedDecoder
  ) -> (full: RotaryTable, sliding: RotaryTable) {
    let parameters = config.part("rope_parameters")
    let old = config.part("rope_scaling")
    var form = RotaryForm(headWidth: decoder.headWidth, longest: decoder.maximumLength, theta: 1e6)
    if decoder.headWidth % 2 != 0 {
      config.fail("head_dim", "is \(decoder.headWidth), but rotary positions need an even one")
    }
    let full = RotaryPositions(
      config, scaling: old.isEmpty ? parameters.part("full_attention") : old, form)
    (form.theta, form.thetaKey) = (1e4, "rope_local_base_freq")
    let sliding = RotaryPositions(config, scaling: parameters.part("sliding_attention"), form)
    return (full.table, sliding.table)
  }
}
