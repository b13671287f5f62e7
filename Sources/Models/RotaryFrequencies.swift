// The angles of rotary positions: plain, linear and Llama 3 scaling, as transformers' `modeling_rope_utils`.
import Base
import Foundation

/// Radians per position for each of the D/2 pairs of a head.
///
/// Reads `rope_theta` and `rope_scaling`, or `rope_parameters`, which newer versions of transformers write.
func rotaryFrequencies(_ config: Section, headWidth: Int) -> [Float] {
  let parameters = config.section("rope_parameters")
  let scaling = config.has("rope_scaling") ? config.section("rope_scaling") : parameters
  let theta =
    parameters.has("rope_theta")
    ? parameters.number("rope_theta", in: 1...1e12)
    : config.number("rope_theta", default: 10000, in: 1...1e12)
  var frequencies = stride(from: 0, to: headWidth, by: 2).map { index in
    1 / pow(Float(theta), Float(index) / Float(headWidth))
  }
  let oldName = scaling.has("type") ? "type" : "rope_type"
  let kind = scaling.has("rope_type") ? scaling.text("rope_type") : scaling.text(oldName, default: "default")
  switch kind {
  case "default": break
  case "linear":
    let factor = Float(scaling.number("factor", in: 1...1e6))
    frequencies = frequencies.map { $0 / factor }
  case "llama3":
    let factor = Float(scaling.number("factor", in: 1...1e6))
    let low = Float(scaling.number("low_freq_factor", in: 0...1e6))
    let high = Float(scaling.number("high_freq_factor", in: 0...1e6))
    let context = Float(scaling.integer("original_max_position_embeddings", in: 1...1 << 24))
    if high <= low { scaling.fail("high_freq_factor", "must be larger than low_freq_factor") }
    // Long waves are stretched, short ones left, those between blended (Llama 3 report, appendix).
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
  return frequencies
}
