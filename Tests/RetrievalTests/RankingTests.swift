// Orders of hits: of one search, of several, and with distractors.
import Base
import Retrieval
import Testing

@Suite struct RankingTests {
  @Test func theBestAreKeptInOrder() {
    var random = PhiloxStream(seed: 1, stream: 2)
    for count in [1, 3, 10, 50] {
      let scores = (0..<40).map { _ in Float(random.below(8)) } + [.nan]
      var best = BestHits(count: count)
      for (number, score) in scores.enumerated() { best.offer(score, Int64(number)) }
      let expected = scores.enumerated().filter { !$0.element.isNaN }
        .sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.prefix(count)
      #expect(best.hits.map(\.number) == expected.map { Int64($0.offset) })
    }
  }

  /// By hand: 1/61 + 1/62 beats 1/61 + 1/63.
  @Test func placesOfTwoRankings() {
    func ranking(_ numbers: [Int64]) -> [ScoredChunk] { numbers.map { ScoredChunk($0, 0.5) } }
    let fused = ReciprocalRanks.fused([ranking([7, 8, 9]), ranking([8, 9, 7, 5])])
    #expect(fused.map(\.number) == [8, 7, 9, 5])
    #expect(abs(fused[0].score - (1 / 62.0 + 1 / 61.0)) < 1e-15)
    #expect(abs(fused[3].score - 1 / 64.0) < 1e-15)
  }

  @Test func wordsOfFTS5AreWords() {
    #expect(LexicalQuery.expression(Array("NOT \"this\" (x*) é1".utf8)) == #""NOT" OR "this" OR "x" OR "é1""#)
    #expect(LexicalQuery.expression(Array(" \"*() ".utf8)) == nil)
  }

  @Test func filtersOfMetadata() throws {
    let row = try JSON.parse(#"{"kind": "river", "year": 1999, "tags": ["a", "b"], "old": true}"#)
    var tried = 0
    for (text, fits) in [
      ("kind=river", true), ("kind=play", false), ("year=1999", true), ("tags=b", true), ("tags=c", false),
      ("old=true", true), ("none=x", false),
    ] {
      #expect(try MetadataFilter(text).accepts(row) == fits, "\(text)")
      tried += 1
    }
    #expect(tried == 7)
    #expect(throws: UserError.self) { try MetadataFilter("kind") }
  }

  private func hits(_ count: Int) -> [SearchHit] {
    (0..<count).map { place in
      SearchHit(
        chunk: StoredChunk(
          number: Int64(place), id: "d\(place)", chunk: 0, start: 0, text: "text \(place)",
          metadata: .object([])),
        score: 1 / Double(place + 1))
    }
  }

  /// The passage that answers is there in all rows but the share that it is taken from, and draws depend on the row alone.
  @Test func distractorsAndTheAnswer() {
    var choice = ContextChoice(passages: 4)
    (choice.distractors, choice.dropGold, choice.seed) = (2, 0.25, 3)
    let hits = hits(20)
    let rows = (0..<400).map { choice.chosen(hits, gold: 6, row: $0).map(\.chunk.id) }
    #expect(rows.allSatisfy { $0.count == 4 && Set($0).count == 4 })
    let share = Double(rows.count { $0.contains("d6") }) / 400
    #expect(abs(share - 0.75) < 0.07)
    #expect(rows.allSatisfy { $0.contains("d0") })
    #expect(Set(rows.map { $0.firstIndex(of: "d0") }).count == 4)
    #expect(rows[7] == choice.chosen(hits, gold: 6, row: 7).map(\.chunk.id))
    var plain = ContextChoice(passages: 3)
    #expect(plain.chosen(hits, gold: nil, row: 0).map(\.chunk.id) == ["d0", "d1", "d2"])
    plain.dropGold = 1
    #expect(plain.chosen(hits, gold: 1, row: 0).map(\.chunk.id) == ["d0", "d2", "d3"])
  }

  @Test func passagesStandBeforeAQuestion() throws {
    let template = try PassagePrompt(nil)
    let text = try template.text(Array("Why?".utf8), hits(2))
    #expect(String(decoding: text, as: UTF8.self) == "[1] text 0\n[2] text 1\n\nWhy?")
    // Passages that a model has no room for are left out, the last ones first.
    let asked = try GroundedQuestion(Array("Why?".utf8), hits(3), template, threshold: 0.5) { $0.count < 25 }
    #expect(asked.sources.map(\.chunk.id) == ["d0"] && asked.isAnswerable)
    let none = try GroundedQuestion(Array("Why?".utf8), [], template, threshold: 0.5) { _ in true }
    #expect(!none.isAnswerable)
  }
}
