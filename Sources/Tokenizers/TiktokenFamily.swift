// What belongs to a tiktoken file of a family of models: its splits, and its special tokens, whose ids follow the ranks.
import Base

struct TiktokenFamily: Sendable {
  /// As `model_type` of config.json.
  let name: String
  let pattern: String
  let composes: Bool
  /// In the order of their ids.
  let specialTokens: [String]
  /// Stands in front of a text.
  let beginning: String?

  static let all = [llama3, qwen]

  private static let llama3 = TiktokenFamily(
    name: "llama",
    pattern:
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#
      + #"|\s+(?!\S)|\s+"#,
    composes: false,
    specialTokens: [
      "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
      "<|finetune_right_pad_id|>", "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>",
      "<|eom_id|>", "<|eot_id|>", "<|python_tag|>",
    ] + (3..<248).map { "<|reserved_special_token_\($0)|>" },
    beginning: "<|begin_of_text|>")

  private static let qwen = TiktokenFamily(
    name: "qwen",
    pattern:
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#
      + #"|\s+(?!\S)|\s+"#,
    composes: true,
    specialTokens: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + (0..<205).map { "<|extra_\($0)|>" },
    beginning: nil)

  /// All of a tokenizer.json but its model.
  /// - Parameter count: of ranks.
  func json(_ count: Int) -> JSON {
    func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
      .object(members.map { JSON.Member(key: Array($0.key.utf8), value: $0.value) })
    }
    func list(_ type: String, _ key: String, _ elements: [JSON]) -> JSON {
      object(["type": .string(type), key: .array(elements)])
    }
    let added = specialTokens.enumerated().map { index, token in
      object([
        "id": .integer(count + index), "content": .string(token), "normalized": .bool(false),
        "special": .bool(true),
      ])
    }
    let split = object([
      "type": .string("Split"), "pattern": object(["Regex": .string(pattern)]),
      "behavior": .string("Isolated"), "invert": .bool(false),
    ])
    let bytes = object([
      "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(false),
      "use_regex": .bool(false),
    ])
    var processors = [bytes]
    if let beginning, let index = specialTokens.firstIndex(of: beginning) {
      let special = object(["SpecialToken": object(["id": .string(beginning), "type_id": .integer(0)])])
      func text(_ name: String, _ type: Int) -> JSON {
        object(["Sequence": object(["id": .string(name), "type_id": .integer(type)])])
      }
      processors.append(
        object([
          "type": .string("TemplateProcessing"), "single": .array([special, text("A", 0)]),
          "pair": .array([
            special, text("A", 0),
            object(["SpecialToken": object(["id": .string(beginning), "type_id": .integer(1)])]),
            text("B", 1),
          ]),
          "special_tokens": object([
            beginning: object(["id": .string(beginning), "ids": .array([.integer(count + index)])])
          ]),
        ]))
    }
    return object([
      "added_tokens": .array(added), "normalizer": composes ? object(["type": .string("NFC")]) : .null,
      "pre_tokenizer": list("Sequence", "pretokenizers", [split, bytes]),
      "post_processor": list("Sequence", "processors", processors), "decoder": bytes,
    ])
  }
}
