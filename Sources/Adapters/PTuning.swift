// P-tuning (Liu et al. 2021): virtual tokens stand before every text, and a small encoder makes their embeddings, which
// is trained. Settings, their defaults and files are those of PEFT's PromptEncoderConfig.
import Base
import Graph

package struct PTuning: PromptMethod {
  package static let name = "p_tuning"
  static let peftType = "P_TUNING"

  package enum Kind: String, CaseIterable, Sendable {
    case mlp = "MLP"
    case lstm = "LSTM"
  }

  var count = 20
  var kind = Kind.mlp
  /// Nil for the width of the model.
  var hidden: Int?
  /// Of memories, and the probability that a number between two of them is dropped.
  var layers = 2
  var dropout = 0.0
  var readsResult = false

  package init(_ settings: Section) {
    count = Self.count(settings)
    kind = settings.choice("encoder_reparameterization_type", default: Kind.mlp)
    if settings.has("encoder_hidden_size") {
      hidden = settings.integer("encoder_hidden_size", in: 1...1 << 16)
    }
    layers = settings.integer("encoder_num_layers", default: 2, in: 1...64)
    dropout = settings.number("encoder_dropout", default: 0, in: 0...0.99)
    guard kind == .mlp else { return }
    if layers != 2 {
      settings.fail("encoder_num_layers", "is \(layers), and an MLP has always 2", hint: "leave it out")
    }
    if dropout > 0 {
      settings.fail("encoder_dropout", "is \(dropout), and an MLP has none", hint: "leave it out")
    }
  }

  /// The method that an adapter was made by.
  init(_ config: PromptConfig) throws {
    count = Self.count(config)
    hidden = config.value("encoder_hidden_size")?.integer
    if let name = config.value("encoder_reparameterization_type")?.text {
      if let kind = Kind(rawValue: name) {
        self.kind = kind
      } else {
        config.fail(
          "encoder_reparameterization_type", "is \(name.quoted), which is not supported",
          hint: "MLP and LSTM are")
      }
    }
    if kind == .lstm {
      layers = config.value("encoder_num_layers")?.integer ?? 2
      dropout = config.value("encoder_dropout")?.double ?? 0
    }
    if !(1...64).contains(layers) {
      config.fail("encoder_num_layers", "is \(layers), but must be from 1 to 64")
    }
    if let hidden, !(1...1 << 16).contains(hidden) {
      config.fail("encoder_hidden_size", "is \(hidden), but must be from 1 to \(1 << 16)")
    }
    try config.problems.throwIfAny()
  }

  var ownSettings: [(String, JSON)] {
    [
      ("encoder_reparameterization_type", .string(kind.rawValue)),
      ("encoder_hidden_size", hidden.map { .integer($0) } ?? .null),
      ("encoder_num_layers", .integer(layers)), ("encoder_dropout", .number(dropout)),
    ]
  }

  func prompt(of model: AdaptedModel) -> Prompt {
    let hidden = hidden ?? model.width
    let encoder: Prompt.Encoder =
      switch kind {
      case _ where readsResult: .none
      case .mlp: .mlp(hidden: hidden)
      case .lstm: .lstm(hidden: hidden, layers: layers, dropout: dropout)
      }
    return Prompt(count: count, place: .embeddings, encoder: encoder)
  }

  package var virtualPositions: VirtualPositions { VirtualPositions(rows: count) }
}
