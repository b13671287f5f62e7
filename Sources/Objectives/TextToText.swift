// A text that becomes another: translation, summaries, or whatever a prefix asks for. Only the target is learned.
import Base
import Datasets
import Foundation
import Graph
import Models

package struct TextToText: Objective {
  package static let name = "text_to_text"
  package static let unit = LossUnit.targetTokens
  package static let format: DataFormat? = .textToText
  private let prefix: String

  package init(_ settings: Section) { prefix = settings.text("source_prefix", default: "") }
  package init?(evaluating model: ModelDescription) { return nil }

  package var settings: JSON? {
    .object(["name": .string(Self.name), "source_prefix": .string(prefix)])
  }

  package var head: Head { .languageModel }
  package func prepare(_ data: inout DataOptions) { data.wishes.sourcePrefix = Array(prefix.utf8) }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    _ = head.record(hidden, of: model.family, on: graph)
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    evaluated.sums.meanLoss.map { [Scalar("perplexity", exp($0))] } ?? []
  }
}
