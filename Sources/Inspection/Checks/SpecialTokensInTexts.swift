// Texts that spell a special token: the tokenizer reads it as that token, wherever it stands.
import Base
import Datasets

final class SpecialTokensInTexts: Check {
  static let name = "special_tokens_in_texts"
  static let readsTexts = true
  /// By their first byte.
  private var tokens: [[[UInt8]]] = Array(repeating: [], count: 256)
  private var tally = Tally()
  private var first: [UInt8] = []
  private var areDocuments = true

  init?(_ facts: InspectionFacts) {
    let tokenizer = facts.tokenizer
    for id in 0..<Int32(clamping: tokenizer.vocabularySize) where tokenizer.isSpecial(id) {
      let text = Array((tokenizer.piece(id) ?? "").utf8)
      if text.count >= 3 { tokens[Int(text[0])].append(text) }
    }
    guard tokens.contains(where: { !$0.isEmpty }) else { return nil }
  }

  func look(at row: InspectedRow) {
    guard let example = row.example, row.tokens != nil else { return }
    var isDocument = false
    if case .document = example { isDocument = true }
    for text in row.texts {
      guard let range = find(in: text.bytes) else { continue }
      if first.isEmpty { first = Array(text.bytes[range]) }
      if !isDocument { areDocuments = false }
      return tally.count(row, has: true) { Excerpt.text(text.bytes, around: range) }
    }
    tally.count(row, has: false) { "" }
  }

  private func find(in text: [UInt8]) -> Range<Int>? {
    for at in text.indices {
      for token in tokens[Int(text[at])] where text[at...].starts(with: token) {
        return at..<at + token.count
      }
    }
    return nil
  }

  func findings() -> [Finding] {
    // In a document, the end of a text may well be meant.
    tally.finding(
      Self.self, areDocuments ? .note : .warning,
      "rows whose texts spell a special token, such as \(String(decoding: first, as: UTF8.self).printable(40))",
      advice: "the model sees the token itself there: if that is not meant, write it in another way")
  }
}
