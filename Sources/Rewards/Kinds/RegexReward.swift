// regex: 1 where a regular expression matches somewhere in the answer; else 0.
import Base

package struct RegexReward: Reward, @unchecked Sendable {
  package static let name = "regex"
  /// Never changed, and matched by value.
  private let pattern: Regex<AnyRegexOutput>?
  /// Whether the first group of the last match must be the reference.
  private let compares: Bool
  package var needsReference: Bool { compares }

  package init(_ section: Section) {
    let text = section.text("pattern")
    pattern = text.isEmpty ? nil : try? Regex(text)
    if pattern == nil, !text.isEmpty { section.fail("pattern", "is not a regular expression") }
    compares = section.bool("compare", default: false)
  }

  package func callAsFunction(_ answer: RewardedAnswer) -> Double {
    let text = String(decoding: answer.completion, as: UTF8.self)
    guard let pattern, let match = text.matches(of: pattern).last else { return 0 }
    guard compares else { return 1 }
    let found = match.output.count > 1 ? match.output[1].substring : match.output[0].substring
    let reference = String(decoding: answer.reference ?? [], as: UTF8.self).trimmed
    return found.map { String($0).trimmed } == reference ? 1 : 0
  }
}
