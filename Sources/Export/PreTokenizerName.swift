// Which of llama.cpp's splits a byte-level tokenizer begins with. llama.cpp knows them by names of models.
import Base

enum PreTokenizerName {
  /// By the regular expression of a `Split` before `ByteLevel`.
  private static let names: [(start: String, name: String)] = [
    (contractions + numbered("{1,3}"), "llama-bpe"), (contractions + numbered("|"), "qwen2"),
    (asciiContractions + numbered("|"), "qwen2"), (asciiContractions + numbered("{1,3}"), "llama-bpe"),
    (#"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s"#, "gpt-4o"),
    (#"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"#, "tekken"),
  ]
  private static let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
  private static let asciiContractions = #"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"#

  private static func numbered(_ count: String) -> String { #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"# + count }

  /// - Throws: `UserError(.usage)` where llama.cpp has no such splits, or swiftdp does not know their name.
  static func find(_ json: JSON, at file: String) throws -> String {
    let parts = GGUFTokenizer.parts(json["pre_tokenizer"], "pretokenizers")
    let types = parts.compactMap { $0["type"]?.text }
    // Without merges, every byte is a token, wherever a text is split.
    if json["model"]?["merges"]?.elements?.isEmpty == true { return "gpt-2" }
    if types == ["ByteLevel"], parts[0]["use_regex"]?.bool ?? true, parts[0]["add_prefix_space"]?.bool != true
    {
      return "gpt-2"
    }
    if types == ["Digits", "ByteLevel"], parts[0]["individual_digits"]?.bool == true { return "smollm" }
    if types == ["Split", "ByteLevel"], let pattern = parts[0]["pattern"]?["Regex"]?.text,
      let known = names.first(where: { pattern.hasPrefix($0.start) })
    {
      return known.name
    }
    throw UserError(
      .usage, "splits text in a way that GGUF has no name for (\(types.joined(separator: ", ")))", at: file,
      hint: "those of GPT-2, Llama 3, Qwen 2, GPT-4o, Tekken and SmolLM are exported")
  }
}
