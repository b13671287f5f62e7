// Phi 3, 3.5 and 4 mini (Abdin et al. 2024), as `Phi3ForCausalLM` of transformers computes them: queries, keys and values in
// one projection, gate and up in another, and angles with a factor each.
import Base
import Graph

package struct Phi3: GatedDecoderFamily {
  package static let modelType = "phi3"
  package static let className = "Phi3"
  package static let endOfText: Int? = 32000

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 32064, maximumLength: 4096, width: 3072, feedForward: 8192, layers: 32, heads: 32,
        epsilon: 1e-5))
    decoder.isPacked = true
    decoder.residualDropout = config.number("resid_pdrop", default: 0, in: 0...0.99)
    // transformers reads it and drops nothing there.
    _ = config.number("embd_pdrop", default: 0, in: 0...1)
    decoder.rotate(config) { form in
      form.part = ("partial_rotary_factor", 1)
      form.original = 4096
      form.kinds = ["default", "longrope"]
      form.aliases = ["su": "longrope", "yarn": "longrope"]
    }
    let window = GatedDecoder.window(config, default: nil)
    for layer in decoder.layers.indices { decoder.layers[layer].window = window }
    self.decoder = decoder
  }
}
