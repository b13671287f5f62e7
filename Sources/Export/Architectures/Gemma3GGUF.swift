// The text model of Gemma 3. llama.cpp knows its windows, angles and scale by itself, so that other ones are refused.
import Base
import Models
import Tensors

struct Gemma3GGUF: PlainDecoderGGUF {
  static let families = ["gemma3_text"]
  static let name = "gemma3"
  static let theta = 1e6
  static let rotaryKinds = ["default", "linear"]

  let shared: GatedDecoderGGUF

  init(_ shared: GatedDecoderGGUF) { self.shared = shared }

  /// Of every six layers, the last one sees everything.
  private static let interval = 6
  /// The base of the angles of layers with windows.
  private static let slidingTheta = 1e4

  func check(_ description: ModelDescription) throws {
    let (decoder, config) = (shared.decoder, description.config)
    let slides = decoder.layers.map { ($0.window ?? .max) < decoder.maximumLength }
    let usual = slides.indices.map { ($0 + 1) % Self.interval != 0 }
    let theta =
      (config["rope_parameters"]?["sliding_attention"]?["rope_theta"] ?? config["rope_local_base_freq"])?
      .double
      ?? Self.slidingTheta
    let wrong: String? =
      if slides.contains(true), slides != usual {
        "has windows in other layers than five of every six"
      } else if theta != Self.slidingTheta {
        "has rotary positions of base \(theta) in layers with windows"
      } else if let scale = decoder.scale, abs(scale * Double(decoder.headWidth).squareRoot() - 1) > 1e-6 {
        "has scores that are not divided by the root of the width of heads"
      } else {
        nil
      }
    guard let wrong else { return }
    throw UserError(
      .usage, wrong + ", and llama.cpp computes this family without regard to that", at: description.folder)
  }

  var metadata: [(key: String, value: GGUFValue)] {
    let decoder = shared.decoder
    let window = decoder.layers.compactMap(\.window).min().map {
      (key: "attention.sliding_window", value: GGUFValue.unsigned(UInt32($0)))
    }
    let cap = decoder.logitCap.map { (key: "final_logit_softcapping", value: GGUFValue.float(Float($0))) }
    return shared.sizes + [window, cap].compactMap { $0 }
  }

  func name(of module: String) -> String? {
    GatedDecoderGGUF.name(of: module, norms: Gemma2GGUF.norms)
  }

  func form(of parameter: ParameterSpec) -> TensorForm { parameter.isNorm ? .plusOne : .same }
  var notes: [String] { [] }
}
