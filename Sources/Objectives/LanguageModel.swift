// Predicting the next token: cross-entropy over the tokens that carry a loss.
import Base
import Foundation
import Graph
import Models

package struct LanguageModel: Objective {
  package static let name = "language_model"
  package static let unit = LossUnit.targetTokens

  package init() {}
  package init(_ settings: Section) {}
  package init?(evaluating model: ModelDescription) {
    guard model.head == .languageModel, model.answerStart == nil else { return nil }
  }

  package var head: Head { .languageModel }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    _ = head.record(hidden, of: model.family, on: graph)
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    evaluated.sums.meanLoss.map { [Scalar("perplexity", exp($0))] } ?? []
  }

  package var mistakeOutputs: OutputForm { .perToken }
  package func mistakes(of evaluated: Evaluated) -> [Mistake] { evaluated.highestLosses(ofNext: true) }
}
