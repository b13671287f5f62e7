// A model that makes vectors of texts for an index: an encoder with the pooling of its modules.json.
import Base
import Checkpoints
import Collectives
import Datasets
import Models
import Objectives
import Recipes
import Retrieval
import Tokenizers

package struct EmbeddingModel: PassageEncoder {
  package let model: TrainedModel
  package let fingerprint: String
  /// What the user may want to know of it.
  package private(set) var notes: [String] = []
  /// The most tokens of a text with its special tokens.
  package let longest: Int
  private let specialTokens: Int

  /// - Parameter longest: of a text with its special tokens; what sentence_bert_config.json says or the model can read, if
  ///   that is less. Collective.
  package init(_ folder: String, settings: ModelSettings = ModelSettings(), threads: Int, ranks: Ranks) throws
  {
    let (objective, isStored) = try ranks.together { try Self.objective(of: folder, settings) }
    model = try TrainedModel(
      folder: folder, settings: settings, for: objective, threads: threads, ranks: ranks)
    let model = model
    (fingerprint, longest, specialTokens) = try ranks.together {
      let said = (try? OpenFile.json("\(folder)/sentence_bert_config.json"))?["max_seq_length"]?.integer
      let limit = model.replica.description.longestText
      let longest = said.map { $0 > 0 ? min($0, limit) : limit } ?? limit
      let special = try model.tokenizer.specialTokenCount(pair: false)
      guard longest > special else {
        throw UserError(.data, "reads at most \(longest) tokens, of which \(special) are special", at: folder)
      }
      return (try Self.fingerprint(of: folder, objective, longest: longest), longest, special)
    }
    notes = model.replica.description.notes
    if !isStored {
      notes.append(
        "\(folder) has no modules.json: a vector is the mean over the tokens, as sentence-transformers has it"
      )
    }
  }

  /// Finds what is wrong with the folder of an encoder, before anything is loaded.
  package static func check(_ folder: String, _ settings: ModelSettings = ModelSettings()) throws {
    _ = try objective(of: folder, settings)
  }

  private static func objective(
    of folder: String, _ settings: ModelSettings
  ) throws -> (objective: Embedding, isStored: Bool) {
    let description = try TrainedModel.description(folder: folder, adapter: nil, settings)
    guard description.answerStart == nil else {
      throw UserError(
        .usage,
        "is of type \(description.typeName), whose models answer to texts, and makes no vectors of them",
        at: folder)
    }
    guard let stored = Embedding(evaluating: description) else {
      guard description.head == .none else {
        throw UserError(
          .usage, "has a head, and is no model that makes vectors of texts", at: folder,
          hint: "task=embedding trains one")
      }
      let usual = Embedding(Section(nil, file: nil, code: .usage, problems: Problems()))
      return (usual, false)
    }
    return (stored, true)
  }

  /// Over the weights, the tokenizer, and what becomes of hidden states.
  private static func fingerprint(of folder: String, _ objective: Embedding, longest: Int) throws -> String {
    var hash = FNV1a(try HuggingFaceWeights(folder: folder).fingerprint().utf8)
    for file in ["tokenizer.json", "vocab.txt", "tokenizer.model"] {
      for byte in (try? OpenFile.contents("\(folder)/\(file)")) ?? [] { hash.mix(UInt64(byte)) }
    }
    let pooling = objective.settings?["pooling"]?.text ?? ""
    for byte in "\(pooling) \(longest)".utf8 { hash.mix(UInt64(byte)) }
    return hash.digits
  }

  /// Of this rank.
  package var threads: Int { model.replica.engine.pool.threads }

  package var width: Int { model.replica.description.width }

  package var longestText: Int { longest - specialTokens }

  package func placed(_ text: [UInt8]) -> PlacedTokens { model.tokenizer.encodeWithPlaces(text) }

  package func vectors(of texts: [[UInt8]]) throws -> (vectors: [Float], cutTexts: Int) {
    let batches = try TextBatches(texts.map { ($0, nil) }, of: model, longest: longest)
    let (replica, width) = (model.replica, self.width)
    var vectors = [Float](repeating: 0, count: texts.count * width)
    try batches.run(on: replica) { batch in
      _ = replica.loss(batch, byRow: true)
      return replica.outputs
    } _: { text, z in
      let norm = max(z.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
      guard norm.isFinite else {
        throw UserError(.data, "gives numbers that are not finite", at: model.folder)
      }
      for (column, number) in z.enumerated() { vectors[text * width + column] = Float(number / norm) }
    }
    return (vectors, batches.cutTexts)
  }
}
