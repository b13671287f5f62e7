// Measures of rankings, against pytrec_eval; answers in their sources.
import Base
import Foundation
import Metrics
import Testing

@Suite struct RetrievalMeasureTests {
  @Test func agreesWithTrecEval() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    let fixture = try OpenFile.json(folder + "/Fixtures/retrieval.json")
    var measures = RetrievalMeasures()
    for run in try #require(fixture["runs"]?.elements) {
      func pairs(_ key: String) -> [(String, Double)] {
        (run[key]?.members ?? []).map { (String(decoding: $0.key, as: UTF8.self), $0.value.double ?? .nan) }
      }
      measures.count(
        pairs("found").map { (id: $0.0, score: $0.1) },
        relevant: Dictionary(uniqueKeysWithValues: pairs("relevant").map { ($0.0, Int($0.1)) }))
    }
    #expect(measures.count == 40)
    let found = [
      "recall_1": measures.recall(at: 1), "recall_5": measures.recall(at: 5),
      "recall_10": measures.recall(at: 10),
      "recip_rank": measures.reciprocalRank, "ndcg_cut_5": measures.gain(at: 5),
      "ndcg_cut_10": measures.gain(at: 10),
    ]
    var compared = 0
    for (name, value) in found {
      let expected = try #require(fixture["measures"]?[name]?.double)
      #expect(abs(value - expected) < 1e-12, "\(name): \(value), \(expected)")
      compared += 1
    }
    #expect(compared == 6)
  }

  @Test func answersStandInTheirSources() {
    let sources = ["It rains.", "The capital of Norway is Oslo, in the south."]
    for (answer, stands) in [
      ("Oslo", true), ("oslo!", true), ("is the Oslo", true), ("Norway Oslo", false), ("", false),
      ("the", false),
    ] {
      #expect(AnswerMeasures.stands(answer, in: sources) == stands, "\(answer)")
    }
  }
}
