// Texts whose partner is not the nearest one, and what lies nearer.
import Base
import Datasets
import Foundation
import Metrics

extension Embedding {
  /// How many of the texts before the right one are told.
  private static let told = 10

  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    let sequences = evaluated.sequences
    let rows = sequences.rowsPerSample
    guard rows > 1 else { return [] }
    let points = points(evaluated)
    guard sequences.numbersPerSequence == 0 else { return farScores(points, evaluated) }
    return (0..<sequences.samples).compactMap { sample in
      let scores = Self.scores(of: sample, among: points, rows: rows)
      let before = RankingMeasures.before(sample, in: scores)
      let sorted = before.map { (score: Mistake.rounded(Double(scores[$0])), sample: $0) }
        .sorted { ($1.score, $0.sample) < ($0.score, $1.sample) }
      guard let first = sorted.first else { return nil }
      let scale = form.scale
      let largest = scores.max().map(Double.init) ?? 0
      let total = scores.reduce(0) { $0 + exp(scale * (Double($1) - largest)) }
      func probability(_ sample: Int) -> Double { exp(scale * (Double(scores[sample]) - largest)) / total }
      let nearer = sorted.prefix(Self.told).map { candidate in
        let source = sequences.source(of: rows * candidate.sample)
        return JSON.object([
          "file": .string(sequences.files[Int(source.file)]), "line": .integer(Int(source.line)),
          "text": text(1, of: candidate.sample, evaluated), "score": .number(candidate.score),
        ])
      }
      return Mistake(
        row: evaluated.row(of: rows * sample), gold: text(1, of: sample, evaluated),
        predicted: text(1, of: first.sample, evaluated), confidence: probability(first.sample),
        loss: Mistake.loss(ofProbability: probability(sample)),
        facts: [
          ("rank", .integer(before.count + 1)),
          ("score", .number(Mistake.rounded(Double(scores[sample])))), ("before", .array(nearer)),
        ])
    }
  }

  /// The tenth of pairs whose similarity is farthest from their score.
  private func farScores(_ points: [[Float]], _ evaluated: Evaluated) -> [Mistake] {
    let sequences = evaluated.sequences
    let mistakes = (0..<sequences.samples).map { sample in
      let first = sequences.rowsPerSample * sample
      let given = Double(Self.similarity(points[first], points[first + 1]))
      let wanted = Double(sequences.numbers(of: first).first!)
      return Mistake(
        row: evaluated.row(of: first), gold: .number(Mistake.rounded(wanted)),
        predicted: .number(Mistake.rounded(given)), confidence: nil,
        loss: (given - wanted) * (given - wanted),
        facts: [("error", .number(Mistake.rounded(given - wanted)))])
    }
    return mistakes.worstTenth(ofRows: mistakes.count)
  }

  /// One of the texts of a sample.
  private func text(_ place: Int, of sample: Int, _ evaluated: Evaluated) -> JSON {
    let first = sample * evaluated.sequences.rowsPerSample
    guard case .texts(let texts, _)? = evaluated.example(first), place < texts.count else { return .null }
    return .string(texts[place])
  }

  package func neighbours(
    of rows: [Int], in evaluated: Evaluated, among others: Evaluated, count: Int
  ) -> [[(row: Int, score: Double)]] {
    let all = others.fileRows.map { point(others[$0.lowerBound]) }
    return rows.map { row in
      let own = point(evaluated[evaluated.fileRows[row].lowerBound])
      let scores = all.map { Mistake.rounded(Double(Self.similarity(own, $0))) }
      let sorted = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
      return sorted.prefix(count).map { ($0, scores[$0]) }
    }
  }
}
