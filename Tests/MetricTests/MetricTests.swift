// Metrics against sacreBLEU, rouge-score, seqeval, SQuAD's script, scikit-learn and scipy.
import Base
import Foundation
import Metrics
import Testing

@Suite struct MetricTests {
  private func fixtures(_ name: String) throws -> [JSON] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    return try #require(try OpenFile.json(folder + "/Fixtures/metrics.json")[name]?.elements)
  }

  private func expect(_ value: Double, _ json: JSON?, _ what: String) throws {
    let want = try #require(json?.double)
    #expect(abs(value - want) <= 1e-9 * max(1, abs(want)), "\(what): \(value), and not \(want)")
  }

  private func texts(_ json: JSON?) throws -> [String] { try #require(json?.elements).compactMap(\.text) }

  @Test func texts() throws {
    let cases = try fixtures("texts")
    for (number, fixture) in cases.enumerated() {
      let (given, references) = (try texts(fixture["given"]), try texts(fixture["references"]))
      #expect(given.count == references.count && !given.isEmpty)
      var (bleu, chrf, rouge) = (BLEU(), CHRF(), ROUGE())
      for (text, reference) in zip(given, references) {
        bleu.count(text, reference: reference)
        chrf.count(text, reference: reference)
        rouge.count(text, reference: reference)
      }
      try expect(bleu.score, fixture["bleu"], "BLEU of \(number)")
      try expect(chrf.score, fixture["chrf"], "chrF of \(number)")
      let want = try #require(fixture["rouge"]?.elements)
      for (value, want) in zip([rouge.one, rouge.two, rouge.longest], want) {
        try expect(value, want, "ROUGE of \(number)")
      }
    }
    #expect(cases.count == 4)
  }

  @Test func entities() throws {
    let cases = try fixtures("entities")
    for fixture in cases {
      var measures = EntityMeasures()
      let rows = zip(try #require(fixture["labels"]?.elements), try #require(fixture["given"]?.elements))
      for (labels, given) in rows { measures.count(try texts(labels), predicted: try texts(given)) }
      try expect(measures.all.f1, fixture["f1"], "F1")
      try expect(measures.all.precision, fixture["precision"], "precision")
      try expect(measures.all.recall, fixture["recall"], "recall")
    }
    #expect(cases.count == 2)
  }

  @Test func answers() throws {
    let cases = try fixtures("answers")
    for fixture in cases {
      let (given, right) = (try #require(fixture["given"]?.text), try texts(fixture["right"]))
      #expect(AnswerMeasures.isExact(given, right) == fixture["exact"]?.bool, "\(given), \(right)")
      try expect(AnswerMeasures.f1(given, right), fixture["f1"], "F1 of \(given), \(right)")
    }
    #expect(cases.count == 200)
  }

  @Test func correlations() throws {
    let cases = try fixtures("numbers")
    for fixture in cases {
      let a = try #require(fixture["a"]?.elements).compactMap(\.double)
      let b = try #require(fixture["b"]?.elements).compactMap(\.double)
      try expect(Correlation.pearson(a, b), fixture["pearson"], "Pearson")
      try expect(Correlation.spearman(a, b), fixture["spearman"], "Spearman")
    }
    #expect(cases.count == 2)
  }

  @Test func labels() throws {
    let cases = try fixtures("labels")
    for fixture in cases {
      let have = try #require(fixture["have"]?.elements).compactMap(\.integer)
      let given = try #require(fixture["given"]?.elements).compactMap(\.integer)
      var matrix = ConfusionMatrix(labels: 4)
      var counts = [Double](repeating: 0, count: 12)
      for (label, predicted) in zip(have, given) {
        matrix.count(label, predicted: predicted)
        counts[label] += 1
        counts[4 + predicted] += 1
        if label == predicted { counts[8 + label] += 1 }
      }
      try expect(matrix.matthews, fixture["mcc"], "MCC")
      let measures = LabelMeasures(counts)
      try expect(measures.f1Macro, fixture["f1_macro"], "macro F1")
      try expect(measures.f1Micro, fixture["f1_micro"], "micro F1")
      for (value, want) in zip(measures.f1, try #require(fixture["f1"]?.elements)) {
        try expect(value, want, "F1")
      }
    }
    #expect(cases.count == 2)
  }

  /// A model that says 0.85 and is right in four of five is 0.05 too sure.
  @Test func calibration() {
    var calibration = Calibration()
    for row in 0..<10 { calibration.count(confidence: 0.85, isRight: row % 5 != 0) }
    #expect(abs(calibration.error - 0.05) < 1e-12)
    calibration.count(confidence: .nan, isRight: false)
    #expect(calibration.error.isNaN)
  }

  /// Ties stand before the right one, and so does what is not a number.
  @Test func ranking() {
    var ranking = RankingMeasures()
    ranking.count([0.1, 0.9, 0.9, .nan], right: 1)
    ranking.count([0.5, 0.1, 0.2], right: 0)
    #expect(ranking.recall(at: 1) == 0.5 && ranking.recall(at: 2) == 0.5 && ranking.recall(at: 3) == 1)
    #expect(abs(ranking.meanReciprocalRank - (1.0 / 3 + 1) / 2) < 1e-12)
    // Rounding errors decide nothing.
    let scores: [Float] = [0.9, 0.899999, 0.9 - 1e-4, 0.900001, .nan]
    #expect(RankingMeasures.before(0, in: scores) == [1, 3, 4])
  }
}
