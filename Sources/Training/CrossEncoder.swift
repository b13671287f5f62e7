// A model that reads a question and a passage together and says how well they fit: one number, or labels of which the last
// means that they do (Nogueira and Cho 2019).
import Base
import Collectives
import Datasets
import Foundation
import Models
import Recipes
import Retrieval
import Tokenizers

package struct CrossEncoder: PassageScorer {
  private let model: TrainedModel

  /// Collective.
  package init(_ folder: String, settings: ModelSettings = ModelSettings(), threads: Int, ranks: Ranks) throws
  {
    try ranks.together { try Self.check(folder, settings) }
    model = try TrainedModel(folder: folder, settings: settings, threads: threads, ranks: ranks)
  }

  /// - Throws: if the model of a folder gives no number of two texts.
  package static func check(_ folder: String, _ settings: ModelSettings = ModelSettings()) throws {
    let description = try TrainedModel.description(folder: folder, adapter: nil, settings)
    guard case .labels = description.head else {
      throw UserError(
        .usage, "gives no number of a question and a passage", at: folder,
        hint: "train one with task=classification or task=regression, on rows with text and text_pair")
    }
  }

  package func scores(of pairs: [QuestionPair]) throws -> [Double] {
    let replica = model.replica
    let batches = try TextBatches(
      pairs.map { ($0.question, $0.passage) }, of: model, longest: replica.description.longestText,
      numbers: [0])
    var scores = [Double](repeating: 0, count: pairs.count)
    try batches.run(on: replica) {
      replica.logits($0, byRow: true)
    } _: { pair, logits in
      let logits = logits.map(Double.init)
      guard logits.allSatisfy(\.isFinite), let largest = logits.max(), let last = logits.last else {
        throw UserError(.data, "gives numbers that are not finite", at: model.folder)
      }
      scores[pair] =
        logits.count > 1 ? exp(last - largest) / logits.reduce(0) { $0 + exp($1 - largest) } : last
    }
    return scores
  }
}
