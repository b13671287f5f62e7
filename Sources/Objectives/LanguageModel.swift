// Predicting the next token: cross-entropy over the tokens that carry a loss.
import Base
import Foundation
import Graph
import Models

package struct LanguageModel: Objective {
  package static let name = "language_model"
  package static let unit = LossUnit.targetTokens

  /// ε of `label_smoothing`, in training alone: perplexity is that of the data.
  private var smoothing = 0.0

  package init() {}
  package init(_ settings: Section) { smoothing = settings.labelSmoothing() }
  package init?(evaluating model: ModelDescription) {
    guard model.head == .languageModel, model.answerStart == nil else { return nil }
  }

  package var head: Head { .languageModel }
  package var isSmoothed: Bool { smoothing > 0 }
  package var settings: JSON? {
    isSmoothed ? .object(["name": .string(Self.name), "label_smoothing": .number(smoothing)]) : nil
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    graph.smoothing = Float(smoothing)
    _ = head.record(hidden, of: model.family, on: graph)
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    evaluated.sums.meanLoss.map { [Scalar("perplexity", exp($0))] } ?? []
  }

  package var mistakeOutputs: OutputForm { .perToken }
  package func mistakes(of evaluated: Evaluated) -> [Mistake] { evaluated.highestLosses(ofNext: true) }
}

extension Section {
  /// `label_smoothing`: the share of the targets that is spread over all tokens or labels.
  func labelSmoothing() -> Double { number("label_smoothing", default: 0, in: 0...0.999) }
}
