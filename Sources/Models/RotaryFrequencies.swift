// The angles of rotary positions: plain, linear and Llama 3 scaling, as transformers' `modeling_rope_utils`.
import Base
import Foundation

/// Radians per position for each of the D/2 pairs of a head.
///
/// Reads `rope_theta` and `rope_scaling`, or `rope_parameters`, which transformers 5 writes. If a file has both, only
/// `rope_scaling` is read, unless it is empty. A `rope_theta` inside overrides the one outside.
/// - Parameter longest: the model's number of positions, used as the original number in Llama 3 scaling if the file
///   gives none.
func rotaryFrequencies(_ config: ModelConfig, headWidth: Int, longest: Int) -> [Float] {
  let parameters = config.part("rope_parameters")
  let old = config.part("rope_scaling")
  let scaling = old.isEmpty ? parameters : old
  let theta = (scaling.isGiven("rope_theta") ? scaling : config)
    .number("rope_theta", default: 10000, in: 1e-6...1e12)
  var frequencies = stride(from: 0, to: headWidth, by: 2).map { index in
    1 / pow(Float(theta), Float(index) / Float(headWidth))
  }
  let kind = scaling.text(scaling.isGiven("rope_type") ? "rope_type" : "type", default: "default")
  switch kind {
  case "default": return frequencies
  case "linear":
    let factor = Float(scaling.number("factor", default: nil, in: 1e-6...1e6))
    frequencies = frequencies.map { $0 / factor }
  case "llama3":
    let factor = Float(scaling.number("factor", default: nil, in: 1e-6...1e6))
    let low = Float(scaling.number("low_freq_factor", default: nil, in: 1e-6...1e6))
    let high = Float(scaling.number("high_freq_factor", default: nil, in: 1e-6...1e6))
    let original = "original_max_position_embeddings"
    let context = Float(
      (config.isGiven(original) ? config : scaling).number(original, default: Double(longest), in: 1...1e9))
    if high <= low { scaling.fail("high_freq_factor", "must be larger than low_freq_factor") }
    // Long wavelengths are stretched, short ones left, those in between blended (Llama 3 report, appendix).
    frequencies = frequencies.map { frequency in
      let wavelength = 2 * Float.pi / frequency
      if wavelength < context / high { return frequency }
      if wavelength > context / low { return frequency / factor }
      let smooth = (context / wavelength - low) / (high - low)
      return (1 - smooth) * frequency / factor + smooth * frequency
    }
  default:
    scaling.fail(
      "rope_type", "\"\(kind)\" is not supported", hint: "default, linear and llama3 are")
  }
  // Plain positions ignore it, as in transformers.
  let partial = "partial_rotary_factor"
  let part = scaling.isGiven(partial) ? scaling : config
  if part.number(partial, default: 1, in: 0...1, orNull: true) != 1 {
    part.fail(partial, "is not 1, which is not supported")
  }
  return frequencies
}
