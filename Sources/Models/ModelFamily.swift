// What a family of models is: a configuration and a forward pass.
import Base
import Graph

/// A family reads its part of `config.json` and writes its forward pass once, as it stands in the paper.
///
/// Parameters carry the names they have in a Hugging Face checkpoint; their shapes follow from their use.
package protocol ModelFamily: Sendable {
  /// `model_type` in config.json.
  static var modelType: String { get }
  /// What names start with in a checkpoint of the model with its head, and not in one of the bare model.
  static var basePrefix: String { get }
  /// Ends of names that old checkpoints hold beside the parameters and that carry nothing.
  static var ignoredSuffixes: [String] { get }

  init(_ config: Section)

  var vocabulary: Int { get }
  /// The longest sequence that the model can read.
  var maximumLength: Int { get }
  /// The parameter, [vocabulary, C], that projects hidden states onto the vocabulary.
  var outputEmbedding: String { get }
  /// The hidden states of every token, ready for a head: [B · T, C].
  func forward(_ graph: Graph) -> Value
}

/// All families that swiftdp knows: a new one is one file and one line here.
package let modelFamilies: [any ModelFamily.Type] = [GPT2.self, Llama.self]
