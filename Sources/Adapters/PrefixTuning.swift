// Prefix tuning (Li and Liang 2021): keys and values are trained, which stand before those of every text in all layers.
// Settings, their defaults and files are those of PEFT's PrefixTuningConfig.
import Base
import Graph

package struct PrefixTuning: PromptMethod {
  package static let name = "prefix_tuning"
  static let peftType = "PREFIX_TUNING"
  static let taskTypes = ["CAUSAL_LM"]

  var count = 20
  /// Whether they are made by two projections of embeddings in training.
  var projects = false
  /// Nil for the width of the keys of a layer.
  var hidden: Int?
  var readsResult = false

  package init(_ settings: Section) {
    count = Self.count(settings)
    projects = settings.bool("prefix_projection", default: false)
    guard settings.has("encoder_hidden_size") else { return }
    hidden = settings.integer("encoder_hidden_size", in: 1...1 << 16)
    if !projects {
      settings.fail(
        "encoder_hidden_size", "is given, and nothing is projected",
        hint: "set method.prefix_projection=true")
    }
  }

  /// The method that an adapter was made by.
  init(_ config: PromptConfig) throws {
    count = Self.count(config)
    projects = config.value("prefix_projection")?.bool ?? false
    hidden = projects ? config.value("encoder_hidden_size")?.integer : nil
    if let hidden, !(1...1 << 16).contains(hidden) {
      config.fail("encoder_hidden_size", "is \(hidden), but must be from 1 to \(1 << 16)")
    }
    try config.problems.throwIfAny()
  }

  var ownSettings: [(String, JSON)] {
    [
      ("prefix_projection", .bool(projects)),
      ("encoder_hidden_size", hidden.map { .integer($0) } ?? .null),
    ]
  }

  func sizes(of model: AdaptedModel) -> [(String, JSON)] {
    let form = model.attentions.first
    return [
      ("num_attention_heads", form.map { .integer($0.keyHeads) } ?? .null),
      ("num_layers", .integer(model.attentions.count)),
      ("token_dim", form.map { .integer($0.keyHeads * $0.headWidth) } ?? .null),
    ]
  }

  func prompt(of model: AdaptedModel) throws -> Prompt {
    let widths = Set(model.attentions.map { $0.keyHeads * $0.headWidth })
    guard model.isCausal, let columns = widths.first, widths.count == 1 else {
      throw UserError(
        .usage, "is \(Self.name), which models of type \(model.typeName) have no place for", at: "method",
        hint: "method: prompt_tuning goes with them")
    }
    return Prompt(
      count: count, place: .keysAndValues(layers: model.attentions.count, columns: columns),
      encoder: projects && !readsResult ? .projection(inputs: columns, hidden: hidden ?? columns) : .none)
  }

  package var virtualPositions: VirtualPositions { VirtualPositions(keys: count) }
}
