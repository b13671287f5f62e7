// The special tokens that templates see, as transformers 5 finds them.
import Base
import Foundation

package enum SpecialTokens {
  private static let names = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// What transformers' classes have where a folder does not say it.
  private static let defaults: [String: [(name: String, token: String)]] = [
    "LlamaTokenizer": [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")],
    "CodeLlamaTokenizer": [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")],
    "Qwen2Tokenizer": [
      ("eos_token", "<|endoftext|>"), ("pad_token", "<|endoftext|>"), ("unk_token", "<|endoftext|>"),
    ],
    "GPT2Tokenizer": [
      ("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"), ("unk_token", "<|endoftext|>"),
    ],
    "GPTNeoXTokenizer": [
      ("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"), ("unk_token", "<|endoftext|>"),
    ],
    "GemmaTokenizer": [
      ("bos_token", "<bos>"), ("eos_token", "<eos>"), ("unk_token", "<unk>"), ("pad_token", "<pad>"),
    ],
  ]

  /// - Returns: their texts by names such as `bos_token`.
  package static func read(folder: String) throws -> [JSON.Member] {
    let config = try object(folder + "/tokenizer_config.json") ?? .object([])
    // Folders that list their added tokens say everything in one file.
    let older = config["added_tokens_decoder"] == nil ? try object(folder + "/special_tokens_map.json") : nil
    var tokens: [JSON.Member] = []
    func add(_ name: [UInt8], _ value: JSON?) {
      guard let token = value?.bytes ?? value?["content"]?.bytes, !tokens.contains(where: { $0.key == name })
      else { return }
      tokens.append(JSON.Member(key: name, value: .string(token)))
    }
    for name in names {
      add(Array(name.utf8), older?[name])
      add(Array(name.utf8), config[name])
    }
    for extra in [older, config] {
      for group in ["extra_special_tokens", "model_specific_special_tokens"] {
        for member in extra?[group]?.members ?? [] { add(member.key, member.value) }
      }
    }
    for member in config.members ?? [] where member.key.suffix(6).elementsEqual("_token".utf8) {
      add(member.key, member.value)
    }
    let ownClass = (config["tokenizer_class"]?.text ?? "").replacingOccurrences(of: "Fast", with: "")
    for (name, token) in defaults[ownClass] ?? [] where config[name] == nil {
      add(Array(name.utf8), .string(token))
    }
    return tokens
  }

  private static func object(_ path: String) throws -> JSON? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let json = try OpenFile.json(path)
    guard json.members != nil else {
      throw UserError(.data, "is \(json.kind), where an object is meant", at: path)
    }
    return json
  }
}
