// A text that becomes another: translation, summaries, or whatever a prefix asks for. Only the target is learned.
import Base
import Datasets
import Foundation
import Graph
import Metrics
import Models
import Tokenizers

package struct TextToText: Objective {
  package static let name = "text_to_text"
  package static let unit = LossUnit.targetTokens
  package static let format: DataFormat? = .textToText
  package static let readsRows = true
  private let prefix: String
  private var answers: AnswerSettings
  /// As in `LanguageModel`.
  private var smoothing: Double

  package init(_ settings: Section) {
    prefix = settings.text("source_prefix", default: "")
    answers = AnswerSettings(settings)
    smoothing = settings.labelSmoothing()
  }

  /// Decoders are language models as well, and are measured as such.
  package init?(evaluating model: ModelDescription) {
    guard model.answerStart != nil, model.head == .languageModel else { return nil }
    self.init(Section(nil, file: nil, path: "task", code: .usage, problems: Problems()))
  }

  package var settings: JSON? {
    .object(
      members: [("name", .string(Self.name)), ("source_prefix", .string(prefix))]
        + (isSmoothed ? [("label_smoothing", .number(smoothing))] : []))
  }

  package var head: Head { .languageModel }
  package var answersTexts: Bool { true }
  package var isSmoothed: Bool { smoothing > 0 }
  package var answering: AnswerSettings? { answers.longest == 0 ? nil : answers }
  package func prepare(_ data: inout DataOptions) { data.wishes.sourcePrefix = Array(prefix.utf8) }

  package func settled(by tokenizer: () throws -> Tokenizer) throws -> Self {
    var settled = self
    settled.answers.tokenizer = try tokenizer()
    return settled
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    graph.smoothing = Float(smoothing)
    _ = head.record(hidden, of: model.family, on: graph)
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    let perplexity = evaluated.sums.meanLoss.map { [Scalar("perplexity", exp($0))] } ?? []
    guard !evaluated.answers.isEmpty else { return perplexity }
    var (bleu, chrf, rouge, exact) = (BLEU(), CHRF(), ROUGE(), ExactMatch())
    for answer in evaluated.answers {
      guard case .answer(_, let target) = answer.row else { continue }
      let wanted = String(decoding: target, as: UTF8.self)
      bleu.count(answer.text, reference: wanted)
      chrf.count(answer.text, reference: wanted)
      rouge.count(answer.text, reference: wanted)
      exact.record(answer.text, expected: wanted)
    }
    return perplexity + [
      Scalar("bleu", bleu.score), Scalar("chrf", chrf.score), Scalar("rouge_1", rouge.one),
      Scalar("rouge_2", rouge.two), Scalar("rouge_l", rouge.longest), Scalar("exact_match", exact.share),
    ]
  }

  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    evaluated.answers.enumerated().compactMap { row, answer in
      guard case .answer(_, let target) = answer.row else { return nil }
      let wanted = String(decoding: target, as: UTF8.self)
      if ExactMatch.agrees(answer.text, with: wanted) { return nil }
      return Mistake(row: row, gold: .string(wanted), predicted: .string(answer.text), confidence: nil)
    }
  }

  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] {
    [("completion", .string(evaluated.answers[row].text))]
  }
}
