// What steps of a preparation ask of language models.
import Base
import Collectives

/// How answers are made.
package struct AnswerRequest: Sendable {
  /// The most tokens of an answer.
  package var longest: Int
  /// 0: the likeliest token each time.
  package var temperature: Double
  package var topK: Int?
  package var topP: Double
  /// An answer ends before the first of these texts.
  package var stops: [[UInt8]] = []
  /// Whether prompts are what a user says to the model, in its chat template.
  package var isChat = false
}

package struct TextAnswer: Sendable {
  /// UTF-8.
  package var text: [UInt8]
  /// Whether the model ended it, or one of the stops.
  package var isWhole: Bool
  package init(text: [UInt8], isWhole: Bool) { (self.text, self.isWhole) = (text, isWhole) }
}

/// A model in the memory of each rank; what it gives for a text depends on that text alone.
package protocol TextModel {
  /// The sum of the losses of a text's tokens, in nats, and how many these are. A text longer than `sequenceLength`
  /// tokens is read in parts.
  func loss(of text: [UInt8], sequenceLength: Int) throws -> (sum: Double, count: Int)
  /// - Parameters:
  ///   - draws: a key for each prompt; answers to equal prompts differ by it.
  ///   - seed: of all draws.
  /// - Throws: `PromptMistake` where the model cannot read a prompt.
  func answers(to prompts: [[UInt8]], draws: [UInt64], seed: UInt64, _ form: AnswerRequest) throws
    -> [TextAnswer]
}

/// What is wrong with one of several prompts.
package struct PromptMistake: Error {
  package let prompt: Int
  package let what: String
  package init(prompt: Int, what: String) { (self.prompt, self.what) = (prompt, what) }
}

/// What a step needs its model for.
package enum ModelUse: Sendable {
  /// Predicting the tokens of texts.
  case losses
  /// Continuing texts, or answering to them.
  case answers(isChat: Bool)
}

/// Asks models.
package protocol ModelStep: RoundStep {
  /// The folders of its models, in an order of its own.
  var modelFolders: [String] { get }
  var modelUse: ModelUse { get }
  /// Called once before any row, with a model for each folder.
  func take(_ models: [any TextModel])
}

extension AnswerRequest {
  /// Reads `max_tokens`, `temperature`, `top_k`, `top_p` and `stop`.
  /// - Parameter usual: the temperature where none is given.
  init(_ section: Section, temperature usual: Double) {
    longest = section.integer("max_tokens", default: 256, in: 1...1 << 20)
    temperature = section.number("temperature", default: usual, in: 0...100)
    topK = section.has("top_k") ? section.integer("top_k", in: 1...Int.max) : nil
    topP = section.number("top_p", default: 1, in: 0.000001...1)
    stops = section.texts("stop", default: []).map { Array($0.utf8) }
    if stops.contains([]) { section.fail("stop", "has an empty text, where every answer would end") }
  }
}

extension PreparedRow {
  /// The key of a random draw for this row.
  func draw(_ number: Int, step: Int) -> UInt64 {
    var mixed = FNV1a()
    for word in [UInt64(step), order.row, order.copy, UInt64(number)] { mixed.mix(word) }
    return mixed.value
  }
}
