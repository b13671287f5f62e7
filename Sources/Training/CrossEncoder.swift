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

  package func score(_ passage: [UInt8], for question: [UInt8]) throws -> Double {
    let description = model.replica.description
    let longest = description.longestText
    let encoded = try model.tokenizer.encode(question, pair: passage, longest: longest)
    try description.check(encoded.tokens)
    var sequences = TokenSequences(files: ["pair"], longest: longest)
    sequences.append(
      encoded.tokens[...], zeroTypes: encoded.zeroTypes, numbers: [0], source: SampleSource(file: 0, line: 0))
    var batch = Batch()
    sequences.fill(&batch, with: MicroBatch(sequences: [0], firstSample: 0), mask: .none)
    let logits = model.replica.logits(batch).map(Double.init)
    guard logits.allSatisfy(\.isFinite) else {
      throw UserError(.data, "gives numbers that are not finite", at: model.folder)
    }
    guard logits.count > 1, let largest = logits.max(), let last = logits.last else { return logits[0] }
    return exp(last - largest) / logits.reduce(0) { $0 + exp($1 - largest) }
  }
}
