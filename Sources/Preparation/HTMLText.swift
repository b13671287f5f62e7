// The text of a page or a snippet of HTML.

/// Tags go, and what stands in scripts, styles and comments; ends of blocks become line ends, and names of characters become
/// characters. A `<` that begins no tag stays.
package enum HTMLText {
  /// What is left out with all that it holds.
  private static let hidden: Set = ["script", "style", "noscript", "template"]
  /// What stands on lines of its own.
  private static let blocks: Set = [
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption",
    "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p",
    "pre",
    "section", "table", "tr", "ul",
  ]

  package static func stripped(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(where: { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: "&") }) else { return text }
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    var at = 0
    while at < text.count {
      switch text[at] {
      case UInt8(ascii: "<"):
        if let end = passed(text, at, &out) { at = end } else { fallthrough }
      default:
        if text[at] == UInt8(ascii: "&"), let (character, end) = entity(text, at) {
          out.append(contentsOf: String(character).utf8)
          at = end
        } else {
          out.append(text[at])
          at += 1
        }
      }
    }
    return out
  }

  /// Where the text goes on behind the tag or comment that begins here; nil if none does.
  private static func passed(_ text: [UInt8], _ start: Int, _ out: inout [UInt8]) -> Int? {
    if text[start...].starts(with: "<!--".utf8) {
      return find("-->", in: text, from: start + 4).map { $0 + 3 }
    }
    var at = start + 1
    let isEnd = at < text.count && text[at] == UInt8(ascii: "/")
    if isEnd { at += 1 }
    guard at < text.count, isLetter(text[at]) || (!isEnd && [0x21, 0x3F].contains(text[at])) else {
      return nil
    }
    let nameStart = at
    while at < text.count, isLetter(text[at]) || (0x30...0x39).contains(text[at]) { at += 1 }
    let name = String(decoding: text[nameStart..<at].map { $0 | 0x20 }, as: UTF8.self)
    guard let end = tagEnd(text, at) else { return nil }
    let element = name.filter { $0.isLetter || $0.isNumber }
    // Digits keep their bits: h1 stays h1.
    if hidden.contains(element), !isEnd, text[end - 2] != UInt8(ascii: "/") {
      return find("</" + element, in: text, from: end).flatMap { tagEnd(text, $0 + 1) } ?? text.count
    }
    if blocks.contains(element), out.last != 0x0A, !out.isEmpty { out.append(0x0A) }
    return end
  }

  /// Behind the `>` that ends a tag: not one in the quotes of an attribute.
  private static func tagEnd(_ text: [UInt8], _ start: Int) -> Int? {
    var quote: UInt8?
    var isValue = false
    for at in start..<text.count {
      let byte = text[at]
      if let open = quote {
        if byte == open { quote = nil }
      } else if byte == UInt8(ascii: ">") {
        return at + 1
      } else if isValue, byte == 0x22 || byte == 0x27 {
        quote = byte
      } else if byte == UInt8(ascii: "<") {
        return nil
      }
      if byte != 0x20 { isValue = byte == UInt8(ascii: "=") }
    }
    return nil
  }

  private static func find(_ word: String, in text: [UInt8], from start: Int) -> Int? {
    let word = Array(word.utf8)
    guard start + word.count <= text.count else { return nil }
    return (start...text.count - word.count).first { place in
      word.indices.allSatisfy {
        text[place + $0] == word[$0] || text[place + $0] | 0x20 == word[$0] && isLetter(text[place + $0])
      }
    }
  }

  /// The character that a name or number stands for, and where the text goes on.
  private static func entity(_ text: [UInt8], _ start: Int) -> (Unicode.Scalar, Int)? {
    guard let end = text[start...].prefix(34).firstIndex(of: UInt8(ascii: ";")), end > start + 1 else {
      return nil
    }
    let name = String(decoding: text[start + 1..<end], as: UTF8.self)
    if name.first == "#" {
      let digits = name.dropFirst()
      let value =
        digits.first == "x" || digits.first == "X" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
      guard let value, value != 0, let scalar = Unicode.Scalar(value) else { return nil }
      return (scalar, end + 1)
    }
    return HTMLEntities.characters[name].map { ($0, end + 1) }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
}
