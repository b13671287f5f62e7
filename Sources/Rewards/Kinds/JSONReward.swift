// json: 1 where the answer is JSON; else 0. With keys, the share of them that an object has.
import Base

package struct JSONReward: Reward {
  package static let name = "json"
  package let needsReference = false
  private let keys: [String]

  package init(_ section: Section) { keys = section.texts("keys", default: []) }

  package func callAsFunction(_ answer: RewardedAnswer) -> Double {
    guard let value = try? JSON.parse(Self.unfenced(answer.completion)) else { return 0 }
    guard !keys.isEmpty else { return 1 }
    return Double(keys.count { value[$0] != nil }) / Double(keys.count)
  }

  /// What stands within a fence of Markdown, if the whole answer is one.
  private static func unfenced(_ text: [UInt8]) -> [UInt8] {
    let whole = String(decoding: text, as: UTF8.self).trimmed
    guard whole.hasPrefix("```"), whole.hasSuffix("```"), let end = whole.firstIndex(where: \.isNewline)
    else {
      return Array(whole.utf8)
    }
    return Array(whole[end...].dropLast(3).utf8)
  }
}
