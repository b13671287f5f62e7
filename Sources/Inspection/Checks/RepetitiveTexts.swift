// Texts that say the same few words again and again, as models that have come into a loop do.
import Base

final class RepetitiveTexts: Check {
  static let name = "repetitive_texts"
  static let readsTexts = true
  private var tally = Tally()

  /// Words of what comes again, how often it must come, and how many words there must be in all.
  private static let longestUnit = 24
  private static let times = 4
  private static let fewestWords = 32

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.example != nil else { return }
    let found = row.words.firstIndex(where: Self.isLoop)
    tally.count(row, has: found != nil) { found.map { Excerpt.text(row.texts[$0].bytes) } ?? "" }
  }

  /// Whether some words, up to `longestUnit`, stand in a row `times` times or more often.
  static func isLoop(_ words: [UInt64]) -> Bool {
    guard words.count >= fewestWords else { return false }
    for unit in 1...min(longestUnit, words.count / times) {
      let needed = max(unit * (times - 1), fewestWords - unit)
      var run = 0
      var place = unit
      while place < words.count {
        run = words[place] == words[place - unit] ? run + 1 : 0
        if run >= needed { return true }
        // Where too few words are left, no run gets long enough.
        if run + words.count - place - 1 < needed { break }
        place += 1
      }
    }
    return false
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning,
      "rows with a text that says the same words \(Self.times) times in a row or more often",
      advice:
        "take them out (data prepare, filter: {max_repeated: …} finds lines that repeat), unless it is verse or a table"
    )
  }
}
