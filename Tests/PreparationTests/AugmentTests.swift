import Base
import Foundation
import Preparation
import Testing

@Suite struct AugmentTests {
  private func augmented(_ augmentation: TextAugmentation, _ text: String, draws: Int = 200) -> Set<String> {
    Set(
      (0..<draws).map { draw in
        var random = PhiloxStream(seed: 1, stream: UInt64(draw))
        return String(decoding: augmentation.applied(to: Array(text.utf8), &random), as: UTF8.self)
      })
  }

  @Test func caseOfWords() {
    #expect(augmented(TextAugmentation(caseShare: 1), "word") == ["WORD", "Word"])
    #expect(augmented(TextAugmentation(caseShare: 1), "12 – 3") == ["12 – 3"])
    #expect(augmented(TextAugmentation(), " a\n b ") == [" a\n b "])
  }

  @Test func typosAreNeighboursOfKeys() {
    // One letter: itself twice, or a neighbour.
    #expect(augmented(TextAugmentation(typos: 1), "g") == ["gg", "f", "h", "t", "y", "v", "b"])
    #expect(augmented(TextAugmentation(typos: 1), "Q") == ["QQ", "W", "1", "2", "A"])
    #expect(augmented(TextAugmentation(typos: 1), "é東!") == ["é東!"])
    let share = augmented(TextAugmentation(typos: 0.05), String(repeating: "a", count: 1000), draws: 1)
    #expect(share.first?.count { $0 != "a" } ?? 0 > 10)
  }

  @Test func spansAndSentences() {
    #expect(
      augmented(TextAugmentation(spanDeletion: 0.25), "a b  c d") == ["b  c d", "a c d", "a b  d", "a b  c"])
    #expect(augmented(TextAugmentation(spanDeletion: 0.25), "one") == ["one"])
    #expect(
      augmented(TextAugmentation(shufflesSentences: true), "A b. C d! E?") == [
        "A b. C d! E?", "A b. E? C d!", "C d! A b. E?", "C d! E? A b.", "E? A b. C d!", "E? C d! A b.",
      ])
    #expect(augmented(TextAugmentation(shufflesSentences: true), "A.\n") == ["A.\n"])
  }

  @Test func synonymsKeepCaseAndMarks() {
    let augmentation = TextAugmentation(synonymShare: 1, synonyms: ["big": ["large", "huge"]])
    #expect(augmented(augmentation, "(big)") == ["(large)", "(huge)"])
    #expect(augmented(augmentation, "Big,") == ["Large,", "Huge,"])
    #expect(augmented(augmentation, "BIG bigger") == ["LARGE bigger", "HUGE bigger"])
  }

  @Test func copiesStandBehindTheirRow() throws {
    let augment = try step(Augment.self, #"{"typos": 0.5, "copies": 2}"#)
    let source = try row(#"{"text": "some words here", "label": "some words here"}"#, number: 4)
    let rows = try augment.apply(to: source)
    #expect(rows.map(\.order.row) == [4, 4, 4])
    #expect(rows.map(\.order.copy) == [0, 1, 2])
    #expect(Set(rows.compactMap { $0.json["text"]?.text }).count == 3)
    #expect(rows.allSatisfy { $0.json["label"]?.text == "some words here" })
    #expect(try augment.apply(to: source).map(\.json) == rows.map(\.json))
    let other = try step(Augment.self, #"{"typos": 0.5, "copies": 2}"#, seed: 1)
    #expect(try other.apply(to: source).map(\.json) != rows.map(\.json))
    var validation = source
    validation.split = 1
    #expect(try augment.apply(to: validation).count == 1)
  }
}
