// Answers that are parts of a text, as `…ForQuestionAnswering` of transformers: where they begin and end.
import Base
import Datasets
import Foundation
import Graph
import Metrics
import Models

package struct QuestionAnswering: Objective {
  package static let name = "question_answering"
  package static let unit = LossUnit.windows
  package static let format: DataFormat? = .questionAnswering
  package static let readsRows = true
  /// How many begins and ends are combined, as in `run_qa` of transformers.
  private static let best = 20
  /// Tokens that windows of a long text share.
  private let stride: Int
  /// Tokens of an answer.
  private let longestAnswer: Int

  package init(_ settings: Section) {
    stride = settings.integer("stride", default: 128, in: 0...1 << 20)
    longestAnswer = settings.integer("max_answer_length", default: 30, in: 1...1 << 20)
  }

  package init?(evaluating model: ModelDescription) {
    guard model.head == .spans else { return nil }
    (stride, longestAnswer) = (128, 30)
  }

  package var settings: JSON? { .object(["name": .string(Self.name), "stride": .integer(stride)]) }
  package var head: Head { .spans }
  package func prepare(_ data: inout DataOptions) { data.stride = min(stride, data.sequenceLength / 2) }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    guard let zM2 = head.record(hidden, of: model.family, on: graph) else {
      preconditionFailure("the head gives two logits for each token")
    }
    graph.spanLoss(zM2)
  }

  package var outputs: OutputForm { .perToken }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    let questions = evaluated.fileRows.compactMap { sequences in
      question(sequences, evaluated).map { (question: $0, sequences: sequences) }
    }
    // Where all questions have answers, giving none is no choice.
    let mayBeNone = questions.contains { $0.question.answers?.isEmpty == true }
    var (exact, f1, count) = (0, 0.0, 0)
    for (question, sequences) in questions {
      guard let answers = question.answers else { continue }
      let found = answer(question, sequences, evaluated)
      let isNone = mayBeNone && found.without > found.score
      let text = isNone ? "" : String(decoding: question.context[found.bytes], as: UTF8.self)
      let right = answers.map { String(decoding: $0.text, as: UTF8.self) }
      exact += AnswerMeasures.isExact(text, right) ? 1 : 0
      f1 += AnswerMeasures.f1(text, right)
      count += 1
    }
    guard count > 0 else { return [] }
    return [
      Scalar("exact_match", 100 * Double(exact) / Double(count)), Scalar("f1", 100 * f1 / Double(count)),
    ]
  }

  private func question(_ sequences: Range<Int>, _ evaluated: Evaluated) -> Question? {
    if case .question(let question)? = evaluated.example(sequences.lowerBound) { question } else { nil }
  }

  /// The best answer, and how good it would be to give none.
  private func answer(
    _ question: Question, _ sequences: Range<Int>, _ evaluated: Evaluated
  ) -> (bytes: Range<Int>, score: Double, without: Double) {
    var best = (bytes: 0..<0, score: -Double.infinity, without: Double.infinity)
    for (window, sequence) in zip(evaluated.windows(of: question), sequences) {
      let logits = evaluated[sequence]
      func logit(_ token: Int, _ side: Int) -> Double { logits[logits.startIndex + 2 * token + side] }
      best.without = min(best.without, logit(0, 0) + logit(0, 1))
      func candidates(_ side: Int) -> [Int] {
        let sorted = (0..<logits.count / 2).sorted { logit($0, side) > logit($1, side) }
        return sorted.prefix(Self.best).filter(window.textTokens.contains)
      }
      let ends = candidates(1)
      for begin in candidates(0) {
        for end in ends where begin <= end && end - begin < longestAnswer {
          let score = logit(begin, 0) + logit(end, 1)
          guard score > best.score else { continue }
          let first = window.places[begin - window.textTokens.lowerBound].lowerBound
          let last = window.places[end - window.textTokens.lowerBound].upperBound
          best = (first..<max(first, last), score, best.without)
        }
      }
    }
    return best
  }

  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] {
    let sequences = evaluated.fileRows[row]
    guard let question = question(sequences, evaluated) else { return [] }
    let found = answer(question, sequences, evaluated)
    let offsets = CharacterOffsets(question.context)
    return [
      ("text", .string(Array(question.context[found.bytes]))),
      ("start", .integer(offsets.character(of: found.bytes.lowerBound))),
      ("end", .integer(offsets.character(of: found.bytes.upperBound))),
      ("score", .number(found.score)), ("no_answer_score", .number(found.without)),
    ]
  }
}
