// Replaces what a text begins or ends with: regular expressions with an anchor, as conversions from SentencePiece have them.

/// Replaces the spaces at the beginning, and those at the end.
struct EndSpaces: Normalizer {
  static let pattern = #"\A +| +\z"#

  let content: [UInt8]
  var growth: Int { Self.growth(1, content.count) }

  func normalize(_ text: inout TracedText) {
    guard text.bytes.first == 0x20 || text.bytes.last == 0x20 else { return }
    text.rewrite { text, out in
      guard let base = text.baseAddress else { return }
      let start = text.firstIndex { $0 != 0x20 } ?? text.count
      let end = start == text.count ? start : (text.lastIndex { $0 != 0x20 } ?? start) + 1
      if start > 0 { out.append(contentsOf: content, from: start - 1) }
      out.copy(base, start..<end)
      if end < text.count { out.append(contentsOf: content, from: text.count - 1) }
    }
  }
}

/// Replaces a literal text at the beginning.
struct Beginning: Normalizer {
  static let anchor = #"\A"#

  let pattern: [UInt8]
  let content: [UInt8]
  var growth: Int { Self.growth(pattern.count, content.count) }

  /// nil if the regular expression is not an anchor and a literal text.
  init?(_ pattern: String, content: [UInt8]) {
    guard pattern.hasPrefix(Self.anchor),
      let texts = LiteralPattern.alternatives(String(pattern.dropFirst(Self.anchor.count))), texts.count == 1
    else { return nil }
    self.pattern = texts[0]
    self.content = content
  }

  func normalize(_ text: inout TracedText) {
    guard text.bytes.starts(with: pattern) else { return }
    text.rewrite { text, out in
      guard let base = text.baseAddress else { return }
      out.append(contentsOf: content, from: pattern.count - 1)
      out.copy(base, pattern.count..<text.count)
    }
  }
}
