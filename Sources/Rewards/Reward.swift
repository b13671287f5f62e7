// How good an answer is, as a number. A new kind is a file in `Kinds` and a line here.
import Base

/// An answer to a row of the data.
package struct RewardedAnswer: Sendable {
  /// What the model was asked, as text.
  package var prompt: [UInt8]
  /// What it answered, as text.
  package var completion: [UInt8]
  /// How many tokens that is, and the most that it could have been.
  package var tokens: Int
  package var longest: Int
  /// The answer that the row has; nil where it has none.
  package var reference: [UInt8]?
  /// All columns of the row.
  package var row: [JSON.Member]

  package init(
    prompt: [UInt8], completion: [UInt8], tokens: Int, longest: Int, reference: [UInt8]?, row: [JSON.Member]
  ) {
    (self.prompt, self.completion, self.tokens, self.longest) = (prompt, completion, tokens, longest)
    (self.reference, self.row) = (reference, row)
  }
}

package protocol Reward: Sendable {
  /// Its name in a recipe.
  static var name: String { get }
  /// Reads its settings; mistakes are collected by the section.
  init(_ section: Section)
  /// Whether rows must have a reference answer.
  var needsReference: Bool { get }
  func callAsFunction(_ answer: RewardedAnswer) -> Double
}

extension Reward {
  package var needsReference: Bool { true }
}

/// All rewards that are functions of one answer.
package let rewardKinds: [any Reward.Type] = [
  ExactMatch.self, NumberReward.self, ChoiceReward.self, RegexReward.self, JSONReward.self, LengthReward.self,
  UnitReward.self,
]
