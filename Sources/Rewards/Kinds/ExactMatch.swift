// exact_match: 1 where the answer is the reference, but for white space around them; else 0.
import Base

package struct ExactMatch: Reward {
  package static let name = "exact_match"
  private let ignoresCase: Bool
  private let ignoresPunctuation: Bool

  package init(_ section: Section) {
    ignoresCase = section.bool("ignore_case", default: false)
    ignoresPunctuation = section.bool("ignore_punctuation", default: false)
  }

  package func callAsFunction(_ answer: RewardedAnswer) -> Double {
    guard let reference = answer.reference else { return 0 }
    return normal(answer.completion) == normal(reference) ? 1 : 0
  }

  private func normal(_ text: [UInt8]) -> String {
    var text = String(decoding: text, as: UTF8.self)
    if ignoresCase { text = text.lowercased() }
    if ignoresPunctuation { text.removeAll(where: \.isPunctuation) }
    return text.trimmed
  }
}

extension String {
  /// Without white space at both ends.
  var trimmed: String {
    let rest = drop(while: \.isWhitespace)
    return String(rest.prefix(rest.count - rest.reversed().prefix(while: \.isWhitespace).count))
  }
}
