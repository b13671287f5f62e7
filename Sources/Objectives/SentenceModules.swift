// The files by which sentence-transformers knows how a model's hidden states become an embedding.
import Base
import Foundation

struct SentenceModules {
  let pooling: Embedding.Pooling
  let isNormalized: Bool

  private static let list = "modules.json"
  private static let poolingFolder = "1_Pooling"

  /// - Parameter width: of a hidden state.
  func files(width: Int, longest: Int) -> [(name: String, bytes: [UInt8])] {
    let modules =
      [("", "Transformer"), (Self.poolingFolder, "Pooling")]
      + (isNormalized ? [("2_Normalize", "Normalize")] : [])
    let list = JSON.array(
      modules.enumerated().map { number, module in
        .object([
          "idx": .integer(number), "name": .string("\(number)"), "path": .string(module.0),
          "type": .string("sentence_transformers.models.\(module.1)"),
        ])
      })
    let pooling = JSON.object([
      "word_embedding_dimension": .integer(width), "pooling_mode_cls_token": .bool(self.pooling == .first),
      "pooling_mode_mean_tokens": .bool(self.pooling == .mean), "pooling_mode_max_tokens": .bool(false),
      "pooling_mode_mean_sqrt_len_tokens": .bool(false), "pooling_mode_weightedmean_tokens": .bool(false),
      "pooling_mode_lasttoken": .bool(self.pooling == .last), "include_prompt": .bool(true),
    ])
    let transformer = JSON.object(["max_seq_length": .integer(longest), "do_lower_case": .bool(false)])
    return [
      (Self.list, list), ("\(Self.poolingFolder)/config.json", pooling),
      ("sentence_bert_config.json", transformer),
    ].map { ($0.0, Array(($0.1.encoded(indented: true) + "\n").utf8)) }
  }

  /// How the embeddings of a folder are made; nil if it does not say.
  static func stored(in folder: String) -> SentenceModules? {
    guard let modules = (try? OpenFile.json("\(folder)/\(list)"))?.elements else { return nil }
    func has(_ type: String) -> JSON? { modules.first { $0["type"]?.text?.hasSuffix("." + type) == true } }
    guard let path = has("Pooling")?["path"]?.text,
      let config = try? OpenFile.json("\(folder)/\(path)/config.json")
    else { return nil }
    let modes: [(String, Embedding.Pooling)] = [
      ("pooling_mode_mean_tokens", .mean), ("pooling_mode_cls_token", .first),
      ("pooling_mode_lasttoken", .last),
    ]
    let chosen = modes.filter { config[$0.0]?.bool == true }
    guard chosen.count == 1 else { return nil }
    return SentenceModules(pooling: chosen[0].1, isNormalized: has("Normalize") != nil)
  }
}
