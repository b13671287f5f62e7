// Answers without a word: a model learns to say nothing.
import Base
import Datasets

final class EmptyAnswers: Check {
  static let name = "empty_answers"
  static let readsTexts = true
  private var tally = Tally()

  init?(_ facts: InspectionFacts) { guard facts.learnsNextTokens else { return nil } }

  func look(at row: InspectedRow) {
    switch row.example {
    case .answer(_, let answer): tally.count(row, has: Self.isEmpty(answer)) { row.beginning }
    case .chat(let chat):
      let isEmpty = chat.messages.contains {
        $0.role == ChatLoss.assistant && $0.counts && $0.calls == nil && Self.isEmpty($0.content)
      }
      tally.count(row, has: isEmpty) { row.beginning }
    case .preference:
      tally.count(row, has: row.texts.contains { $0.isAnswer && Self.isEmpty($0.bytes) }) { row.beginning }
    default: break
    }
  }

  private static func isEmpty(_ text: [UInt8]) -> Bool {
    String(decoding: text, as: UTF8.self).unicodeScalars.allSatisfy { $0.properties.isWhitespace }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "rows with an empty answer",
      advice: "take them out (data prepare, filter), unless nothing is the answer that is meant")
  }
}
