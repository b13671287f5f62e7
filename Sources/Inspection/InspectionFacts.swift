// What checks know before they see a row.
import Base
import Datasets
import Templates
import Tokenizers

package struct InspectionFacts: Sendable {
  /// How the data is read; settled.
  package var options: DataOptions
  /// Of a classification; nil for other data, and where they are not known.
  package var labels: [String]?
  package var encoder: DocumentEncoder
  package var tokenizer: Tokenizer
  /// The tokens at which generation stops; nil for models that write nothing.
  package var endsOfGeneration: [Int32]?
  /// The token that other programs pad with, and the one for what the vocabulary lacks; nil where there is none.
  package var padding: Int32?
  package var unknown: Int32?
  /// What the templates of chats write behind an answer.
  let turnEnds: [[UInt8]]
  /// What training must not have seen.
  package var evaluation: EvaluationSet?

  /// - Parameters:
  ///   - folder: the model's, with its special tokens.
  ///   - padding: `pad_token_id` of config.json; nil to take that of the tokenizer.
  package init(
    _ options: DataOptions, labels: [String]?, encoder: DocumentEncoder, tokenizer: Tokenizer, folder: String,
    endsOfGeneration: [Int32]?, padding: Int32?
  ) {
    self.options = options
    self.labels = labels
    self.encoder = encoder
    self.tokenizer = tokenizer
    self.endsOfGeneration = endsOfGeneration
    // A file that cannot be read is no reason not to train: then these tokens are not known.
    let named = (try? SpecialTokens.read(folder: folder)) ?? []
    func id(_ name: String) -> Int32? {
      let text = named.first { $0.key.elementsEqual(name.utf8) }?.value.text
      return text.flatMap { tokenizer.id(of: $0) }
    }
    self.padding = padding ?? id("pad_token")
    let ends = Set((endsOfGeneration ?? []) + [encoder.endOfText].compactMap { $0 })
    // Where one token stands for all of these, it tells nothing.
    unknown = id("unk_token").flatMap { ends.contains($0) ? nil : $0 }
    turnEnds = encoder.turnEnds(options)
  }

  /// Whether a token ends a text or a turn.
  func isEnd(_ token: Int32) -> Bool {
    token == encoder.endOfText || stops(at: token) || tokenizer.isSpecial(token)
  }

  /// Whether generation stops at a token.
  func stops(at token: Int32) -> Bool { endsOfGeneration?.contains(token) ?? false }

  /// How messages name a token.
  func spelling(_ token: Int32) -> String { (tokenizer.piece(token) ?? "token \(token)").printable(40) }

  /// Whether rows are learned by next tokens; of answers that are compared, all of them.
  var learnsNextTokens: Bool { !options.isLabelled || options.sources.first?.format == .preference }

  /// Whether the model learns to write texts.
  var learnsToWrite: Bool { learnsNextTokens && endsOfGeneration != nil }
}
