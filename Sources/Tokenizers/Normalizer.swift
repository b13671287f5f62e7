// What happens to the text before it is cut: the normalizers that tokenizer.json may name.

/// Rewrites a text; input and output are valid UTF-8.
protocol Normalizer: Sendable, TextStep {
  func normalize(_ text: inout TracedText)
}

extension Normalizer {
  func normalize(_ bytes: inout [UInt8]) {
    var text = TracedText(bytes)
    normalize(&text)
    bytes = text.bytes
  }
}

enum Normalizers {
  /// The normalizers of the file in order, with nested sequences flattened.
  static func read(_ part: FilePart?) throws -> [any Normalizer] {
    guard let part else { return [] }
    let type = try part.type()
    switch type {
    case "Sequence":
      // The JSON reader has already limited the nesting.
      return try part.required("normalizers").elements().flatMap { try read($0) }
    case "Prepend": return [Prepend(bytes: try part.required("prepend").bytes())]
    case "Replace":
      let content = try part.required("content").bytes()
      if let pattern = try part.literalPattern() { return [Replace(pattern: pattern, content: content)] }
      let pattern = try part.required("pattern").required("Regex").text()
      if pattern == EndSpaces.pattern { return [EndSpaces(content: content)] }
      if let beginning = Beginning(pattern, content: content) { return [beginning] }
      return [try SpaceRuns(pattern, part, content: content)]
    case "BertNormalizer": return [try BertNormalizer(part)]
    case "Lowercase": return [Lowercase()]
    case "Strip":
      return [
        StripSpace(
          left: try part.bool("strip_left", default: true), right: try part.bool("strip_right", default: true)
        )
      ]
    case "StripAccents": return [StripAccents()]
    case "NFC": return [UnicodeNormalization(form: .nfc)]
    case "NFD": return [UnicodeNormalization(form: .nfd)]
    case "NFKC": return [UnicodeNormalization(form: .nfkc)]
    case "NFKD": return [UnicodeNormalization(form: .nfkd)]
    case "ByteLevel": return [ByteLevelCharacters()]
    case "Precompiled": return [try Precompiled(part)]
    default: throw part.unsupported("normalizer", type)
    }
  }
}
