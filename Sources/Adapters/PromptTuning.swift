// Prompt tuning (Lester et al. 2021): the embeddings of some virtual tokens are trained, which stand before every text.
// Settings, their defaults and files are those of PEFT's PromptTuningConfig.
import Base
import Graph

package struct PromptTuning: PromptMethod {
  package static let name = "prompt_tuning"
  static let peftType = "PROMPT_TUNING"

  package enum Start: String, CaseIterable, Sendable {
    case random = "RANDOM"
    case text = "TEXT"
    case vocabulary = "SAMPLE_VOCAB"
  }

  var count = 20
  var start = Start.random
  var text = ""
  /// The words that they begin as; nil until the tokenizer is known.
  private var words: [Int32]?
  var readsResult = false

  package init(_ settings: Section) {
    count = Self.count(settings)
    start = settings.choice("prompt_tuning_init", default: Start.random)
    if settings.has("prompt_tuning_init_text") { text = settings.text("prompt_tuning_init_text") }
    if start == .text, text.isEmpty {
      settings.fail("prompt_tuning_init_text", "is missing, and prompt_tuning_init is TEXT")
    } else if start != .text, !text.isEmpty {
      settings.fail(
        "prompt_tuning_init_text", "is given, and prompt_tuning_init is \(start.rawValue)",
        hint: "set method.prompt_tuning_init=TEXT")
    }
  }

  /// The method that an adapter was made by.
  init(_ config: PromptConfig) throws {
    count = Self.count(config)
    try config.problems.throwIfAny()
  }

  var ownSettings: [(String, JSON)] {
    [
      ("prompt_tuning_init", .string(start.rawValue)),
      ("prompt_tuning_init_text", start == .text ? .string(text) : .null),
    ]
  }

  /// A text's tokens, with those that the tokenizer puts around it, are repeated or cut to the number of virtual ones.
  package func settled(_ facts: MethodFacts) throws -> any Method {
    var settled = self
    switch start {
    case .random: break
    case .text:
      let tokens = try facts.tokens(text)
      guard !tokens.isEmpty else {
        throw UserError(.usage, "gives no token", at: "method.prompt_tuning_init_text")
      }
      settled.words = (0..<count).map { tokens[$0 % tokens.count] }
    case .vocabulary:
      var stream = PhiloxStream(seed: facts.seed, stream: FNV1a(Prompt.vectors.utf8).value)
      settled.words = (0..<count).map { _ in Int32(stream.below(facts.vocabulary)) }
    }
    return settled
  }

  func prompt(of model: AdaptedModel) -> Prompt {
    Prompt(count: count, place: .embeddings, start: words.map(Prompt.Start.tokens) ?? .random)
  }

  package var virtualPositions: VirtualPositions { VirtualPositions(rows: count) }
}
