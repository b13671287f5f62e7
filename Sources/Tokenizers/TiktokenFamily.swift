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
    let added = specialTokens.enumerated().map { index, token in
      AddedToken(Int32(count + index), Array(token.utf8), isSpecial: true)
    }
    let bytes = JSON.object([
      "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(false),
      "use_regex": .bool(false),
    ])
    var processors = [bytes]
    if let beginning, let index = specialTokens.firstIndex(of: beginning) {
      let token = added[index]
      let single: [TokenizerJSON.Place] = [.token(token, type: 0), .text(type: 0)]
      processors.append(
        TokenizerJSON.template(single, pair: single + [.token(token, type: 1), .text(type: 1)]))
    }
    return .object([
      "added_tokens": .array(added.map(\.json)), "normalizer": composes ? TokenizerJSON.plain("NFC") : .null,
      "pre_tokenizer": TokenizerJSON.preTokenizers([
        TokenizerJSON.split(TokenizerJSON.pattern(regex: pattern), .isolated), bytes,
      ]),
      "post_processor": TokenizerJSON.list("Sequence", "processors", processors), "decoder": bytes,
    ])
  }
}
