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
    let graded = graded(evaluated)
    guard !graded.isEmpty else { return [] }
    let (exact, count) = (graded.count { $0.isExact }, Double(graded.count))
    return [
      Scalar("exact_match", 100 * Double(exact) / count),
      Scalar("f1", 100 * graded.reduce(0) { $0 + $1.f1 } / count),
    ]
  }

  /// An answer beside the right ones.
  private struct Graded {
    let row: Int
    let question: Question
    let found: Found
    let isNone: Bool
    let text: String
    let right: [String]
    let isExact: Bool
    let f1: Double
  }

  /// What SQuAD's script counts.
  private func graded(_ evaluated: Evaluated) -> [Graded] {
    let questions = evaluated.fileRows.enumerated().compactMap { row, sequences in
      question(sequences, evaluated).map { (row: row, question: $0, sequences: sequences) }
    }
    // Where all questions have answers, giving none is no choice.
    let mayBeNone = questions.contains { $0.question.answers?.isEmpty == true }
    return questions.compactMap { row, question, sequences in
      guard let answers = question.answers else { return nil }
      let found = answer(question, sequences, evaluated)
      let isNone = mayBeNone && found.without > found.score
      let text = isNone ? "" : String(decoding: question.context[found.bytes], as: UTF8.self)
      let right = answers.map { String(decoding: $0.text, as: UTF8.self) }
      return Graded(
        row: row, question: question, found: found, isNone: isNone, text: text, right: right,
        isExact: AnswerMeasures.isExact(text, right), f1: AnswerMeasures.f1(text, right))
    }
  }

  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    graded(evaluated).filter { $0.f1 < 1 }.map { graded in
      let (found, offsets) = (graded.found, CharacterOffsets(graded.question.context))
      var facts: [(key: String, value: JSON)] = [
        ("exact", .bool(graded.isExact)), ("f1", .number(Mistake.rounded(graded.f1))),
      ]
      if !graded.isNone {
        facts += [
          ("start", .integer(offsets.character(of: found.bytes.lowerBound))),
          ("end", .integer(offsets.character(of: found.bytes.upperBound))),
        ]
      }
      let classes = (gold: graded.right.isEmpty, predicted: graded.isNone)
      func name(_ isNone: Bool) -> JSON { .string(isNone ? "no answer" : "answer") }
      return Mistake(
        row: graded.row, gold: .array(graded.right.map { .string($0) }),
        predicted: graded.isNone ? .null : .string(graded.text),
        confidence: graded.isNone ? found.withoutProbability : found.probability, facts: facts,
        classes: (name(classes.gold), name(classes.predicted)))
    }
  }

  private func question(_ sequences: Range<Int>, _ evaluated: Evaluated) -> Question? {
    if case .question(let question)? = evaluated.example(sequences.lowerBound) { question } else { nil }
  }

  /// The best answer, and how good it would be to give none.
  private struct Found {
    /// In the context.
    var bytes = 0..<0
    var score = -Double.infinity
    var without = Double.infinity
    /// That its window begins and ends where it does.
    var probability = 0.0
    var withoutProbability = 0.0
  }

  /// log Σ exp of the logits of begins, 0, or ends, 1.
  private static func logSum(_ logits: ArraySlice<Double>, side: Int) -> Double {
    let own = Swift.stride(from: logits.startIndex + side, to: logits.endIndex, by: 2).lazy.map { logits[$0] }
    let largest = own.max() ?? 0
    return largest + log(own.reduce(0) { $0 + exp($1 - largest) })
  }

  private func answer(
    _ question: Question, _ sequences: Range<Int>, _ evaluated: Evaluated
  ) -> Found {
    var best = Found()
    for (window, sequence) in zip(evaluated.windows(of: question), sequences) {
      let logits = evaluated[sequence]
      func logit(_ token: Int, _ side: Int) -> Double { logits[logits.startIndex + 2 * token + side] }
      let total = Self.logSum(logits, side: 0) + Self.logSum(logits, side: 1)
      let without = logit(0, 0) + logit(0, 1)
      if without < best.without { (best.without, best.withoutProbability) = (without, exp(without - total)) }
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
          (best.bytes, best.score) = (first..<max(first, last), score)
          best.probability = exp(score - total)
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
