// The angles of rotary positions, plain and scaled, as transformers' `modeling_rope_utils` computes them.
import Base
import Foundation
import Graph

/// How a family's config.json says what its rotary positions are.
struct RotaryForm {
  /// The width of a head.
  let headWidth: Int
  /// The model's number of positions.
  let longest: Int
  /// The angles' base, and its key beside the scaling's own.
  var theta = 10000.0
  var thetaKey = "rope_theta"
  /// The key of the part of each head that is rotated, and the part if that is absent; nil where heads are rotated whole.
  var part: (key: String, default: Double)?
  /// The original number of positions if config.json has none: the family's own, or nil for that of the scaling.
  var original: Int?
  /// The scalings that the family has.
  var kinds = ["default", "linear", "dynamic", "llama3", "yarn", "longrope"]
  /// Other names of a scaling.
  var aliases: [String: String] = [:]
}

/// The angles of a model, and how far they are right.
struct RotaryPositions {
  let table: RotaryTable
  /// The longest text that they are meant for. Those of dynamic and longrope scaling change with the length of a batch;
  /// swiftdp has them up to the length where they begin to, so that no text's result depends on another.
  let longest: Int
}

extension RotaryPositions {
  /// Reads `rope_theta` and `rope_scaling`, or `rope_parameters`, which transformers 5 writes. If a file has both, only
  /// `rope_scaling` is read, unless it is empty.
  init(_ config: ModelConfig, _ form: RotaryForm) {
    let parameters = config.part("rope_parameters")
    let old = config.part("rope_scaling")
    self.init(config, scaling: old.isEmpty ? parameters : old, form)
  }

  /// - Parameter scaling: the object that says the kind of scaling; its base and part override those outside.
  init(_ config: ModelConfig, scaling: ModelConfig, _ form: RotaryForm) {
    let theta =
      scaling.isGiven("rope_theta")
      ? scaling.number("rope_theta", default: form.theta, in: 1e-6...1e12)
      : config.number(form.thetaKey, default: form.theta, in: 1e-6...1e12)
    let name = scaling.text(scaling.isGiven("rope_type") ? "rope_type" : "type", default: "default")
    let kind = form.aliases[name] ?? name
    guard form.kinds.contains(kind) else {
      let supported = form.kinds.dropLast().joined(separator: ", ") + " and " + (form.kinds.last ?? "")
      scaling.fail("rope_type", "\"\(name)\" is not supported", hint: "\(supported) are")
      self.init(table: RotaryTable(frequencies: []), longest: form.longest)
      return
    }
    let width = Self.rotatedWidth(config, scaling, form, kind)
    let plain = stride(from: 0, to: width, by: 2).map { 1 / pow(Float(theta), Float($0) / Float(width)) }
    func original() -> Double { Self.original(config, scaling, form) }
    var (frequencies, factor, longest) = (plain, 1.0, form.longest)
    switch kind {
    case "linear":
      let factor = Float(scaling.number("factor", default: nil, in: 1e-6...1e6))
      frequencies = plain.map { $0 / factor }
    case "dynamic":
      // Plain up to the model's number of positions.
      _ = scaling.number("factor", default: nil, in: 1e-6...1e6)
    case "llama3": frequencies = Self.llama3(plain, scaling, original: Float(original()))
    case "yarn":
      (frequencies, factor) = Self.yarn(
        plain, scaling, theta: theta, width: width, original: original(), form)
    case "longrope":
      let short = original()
      (frequencies, factor) = Self.longrope(theta: theta, width: width, scaling, original: short, form)
      longest = min(longest, Int(short))
    default: break
    }
    self.init(table: RotaryTable(frequencies: frequencies, factor: Float(factor)), longest: longest)
  }

  /// How many of a head's numbers the family's share of it is; an odd number is rounded up by its angles.
  private static func rotatedWidth(
    _ config: ModelConfig, _ scaling: ModelConfig, _ form: RotaryForm, _ kind: String
  ) -> Int {
    let inner = "partial_rotary_factor"
    guard let (key, usual) = form.part else {
      // Plain positions of such a family ignore it, as in transformers.
      let part = scaling.isGiven(inner) ? scaling : config
      if kind != "default", part.number(inner, default: 1, in: 0...1, orNull: true) != 1 {
        part.fail(inner, "is not 1, which is not supported")
      }
      return form.headWidth
    }
    let part =
      scaling.isGiven(inner)
      ? scaling.number(inner, default: usual, in: 0...1) : config.number(key, default: usual, in: 0...1)
    let width = Int(Double(form.headWidth) * part)
    let whole = (width + 1) / 2 * 2
    if width == 0 || whole > form.headWidth {
      config.fail(
        key, "rotates \(width) of a head's \(form.headWidth) numbers, where an even number is needed")
    }
    return width
  }

  private static func original(_ config: ModelConfig, _ scaling: ModelConfig, _ form: RotaryForm) -> Double {
    let key = "original_max_position_embeddings"
    let place = config.isGiven(key) || form.original != nil ? config : scaling
    return place.number(key, default: Double(form.original ?? form.longest), in: 1...1e9)
  }

  /// Long wavelengths are stretched, short ones left, those in between blended (Llama 3 report, appendix).
  private static func llama3(_ plain: [Float], _ scaling: ModelConfig, original context: Float) -> [Float] {
    let factor = Float(scaling.number("factor", default: nil, in: 1e-6...1e6))
    let low = Float(scaling.number("low_freq_factor", default: nil, in: 1e-6...1e6))
    let high = Float(scaling.number("high_freq_factor", default: nil, in: 1e-6...1e6))
    if high <= low { scaling.fail("high_freq_factor", "must be larger than low_freq_factor") }
    return plain.map { frequency in
      let wavelength = 2 * Float.pi / frequency
      if wavelength < context / high { return frequency }
      if wavelength > context / low { return frequency / factor }
      let smooth = (context / wavelength - low) / (high - low)
      return (1 - smooth) * frequency / factor + smooth * frequency
    }
  }

  /// Angles that turn seldom within the original length are stretched, those that turn often are left (Peng et al.
  /// 2023).
  private static func yarn(
    _ plain: [Float], _ scaling: ModelConfig, theta: Double, width: Int, original: Double, _ form: RotaryForm
  ) -> (frequencies: [Float], factor: Double) {
    let factor =
      scaling.isNull("factor")
      ? Double(form.longest) / original : scaling.number("factor", default: nil, in: 1e-6...1e6)
    func optional(_ key: String) -> Double? {
      guard scaling.isGiven(key), !scaling.isNull(key) else { return nil }
      return scaling.number(key, default: nil, in: -1e6...1e6)
    }
    func magnitude(_ weight: Double) -> Double { factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1 }
    var cosines = magnitude(1)
    if let above = optional("mscale"), let below = optional("mscale_all_dim"), above != 0, below != 0 {
      cosines = magnitude(above) / magnitude(below)
    }
    /// The index of the angle that turns so often within the original length.
    func index(_ turns: Double) -> Double {
      Double(width) * log(original / (turns * 2 * .pi)) / (2 * log(theta))
    }
    func turns(_ key: String, _ usual: Double) -> Double {
      let given = optional(key) ?? 0
      return given == 0 ? usual : given
    }
    var (low, high) = (index(turns("beta_fast", 32)), index(turns("beta_slow", 1)))
    if scaling.bool("truncate", default: true) { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    (low, high) = (max(low, 0), min(high, Double(width - 1)))
    if low == high { high += 0.001 }
    let frequencies = plain.enumerated().map { place, frequency in
      let stretched = min(max((Float(place) - Float(low)) / Float(high - low), 0), 1)
      return frequency / Float(factor) * stretched + frequency * (1 - stretched)
    }
    return (frequencies, optional("attention_factor") ?? cosines)
  }

  /// Each angle has a factor of its own, with another list for texts beyond the original length (Ding et al. 2024).
  private static func longrope(
    theta: Double, width: Int, _ scaling: ModelConfig, original: Double, _ form: RotaryForm
  ) -> (frequencies: [Float], factor: Double) {
    var lists: [[Double]] = []
    for key in ["short_factor", "long_factor"] {
      let list = scaling.numbers(key)
      if list.count != (width + 1) / 2 || list.contains(where: { $0 <= 0 }) {
        scaling.fail(key, "is not a list of \((width + 1) / 2) positive numbers, one for each angle")
      }
      lists.append(list)
    }
    func optional(_ key: String) -> Double? {
      guard scaling.isGiven(key), !scaling.isNull(key) else { return nil }
      return scaling.number(key, default: nil, in: 1e-6...1e6)
    }
    let factor = optional("factor") ?? Double(form.longest) / original
    let cosines =
      optional("attention_factor") ?? (factor <= 1 ? 1 : (1 + log(factor) / log(original)).squareRoot())
    let frequencies = lists[0].prefix((width + 1) / 2).enumerated().map { place, factor in
      1 / (Float(factor) * pow(Float(theta), Float(2 * place) / Float(width)))
    }
    return (frequencies, cosines)
  }
}
