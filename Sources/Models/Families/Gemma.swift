// Gemma (Gemma Team 2024), as `GemmaForCausalLM` of transformers computes it: scaled embeddings, norms whose weights are
// stored as differences from 1, and GeGLU.
import Base
import Foundation
import Graph

package struct Gemma: GatedDecoderFamily {
  package static let modelType = "gemma"
  package static let className = "Gemma"
  package static let endOfText: Int? = 1

  package let decoder: GatedDecoder

  package init(_ config: ModelConfig) {
    var decoder = GatedDecoder(
      config,
      GatedDecoder.Defaults(
        vocabulary: 256_000, maximumLength: 8192, width: 3072, feedForward: 24576, layers: 28, heads: 16,
        keyHeads: 16, keyHeadsMayBeNull: false, headWidth: 256, headWidthMayBeNull: false, tied: true,
        activation: ("hidden_act", "gelu_pytorch_tanh")))
    // The first files say gelu and mean its tanh form, as transformers knows too.
    if config.text("hidden_act", default: "") == "gelu" { decoder.gate = .gelu(.tanh) }
    decoder.becomeGemma(config)
    decoder.rotate(config)
    self.decoder = decoder
  }
}

extension GatedDecoder {
  /// What all Gemmas have.
  mutating func becomeGemma(_ config: ModelConfig) {
    queryBias = config.bool("attention_bias", default: false)
    outputBias = queryBias
    normsAddOne = true
    embeddingFactor = Double(width).squareRoot()
    let bidirectional = "use_bidirectional_attention"
    if !config.isNull(bidirectional), config.bool(bidirectional, default: false) {
      config.fail(bidirectional, "is true, which is not supported")
    }
  }

  /// What Gemma 2 and 3 have: norms around both parts, and scores with a scale and a cap.
  mutating func becomeGemma2(_ config: ModelConfig, scoreCap: Double?, logitCap: Double?) {
    becomeGemma(config)
    norms = .both
    let scalar = config.integer("query_pre_attn_scalar", default: 256, in: 1...1 << 20)
    scale = 1 / Double(scalar).squareRoot()
    func cap(_ key: String, _ fallback: Double?) -> Double? {
      if config.isNull(key) || !config.isGiven(key) && fallback == nil { return nil }
      return config.float(key, default: fallback ?? 1, in: 1e-3...1e9)
    }
    self.scoreCap = cap("attn_logit_softcapping", scoreCap)
    self.logitCap = cap("final_logit_softcapping", logitCap)
  }
}
