// length: how near the answer's length is to one that is wished for, in tokens.
import Base

/// Without a target, 1 for an empty answer and 0 for one of the most tokens: short ones are better. With one, 1 there, and
/// less in proportion to the distance, at least 0.
package struct LengthReward: Reward {
  package static let name = "length"
  package let needsReference = false
  private let target: Int?

  package init(_ section: Section) {
    target = section.has("target") ? section.integer("target", in: 1...1 << 30) : nil
  }

  package func callAsFunction(_ answer: RewardedAnswer) -> Double {
    guard let target else { return 1 - Double(answer.tokens) / Double(max(1, answer.longest)) }
    return max(0, 1 - Double(abs(answer.tokens - target)) / Double(target))
  }
}
