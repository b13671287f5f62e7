// BertNormalizer: control characters go, white space becomes spaces, ideographs get spaces around them, accents are
// taken off, and letters become small.

struct BertNormalizer: Normalizer {
  private let cleans: Bool
  private let spacesIdeographs: Bool
  private let stripsAccents: Bool
  private let lowercases: Bool
  /// What each byte of ASCII becomes; 0xFF drops it.
  private let ascii: [UInt8]

  /// Canonically, U+0390 grows most: 2 bytes become 6. Its marks go, but with the spaces around ideographs this is
  /// a bound for all.
  var growth: Int { 3 }

  init(_ part: FilePart) throws {
    cleans = try part.bool("clean_text", default: true)
    spacesIdeographs = try part.bool("handle_chinese_chars", default: true)
    lowercases = try part.bool("lowercase", default: true)
    // null follows `lowercase`, as in the original BERT.
    stripsAccents = try part.bool("strip_accents", default: lowercases)
    let (cleans, lowercases) = (cleans, lowercases)
    ascii = (0..<128).map { byte in
      switch UInt8(byte) {
      case 0x09, 0x0A, 0x0D: cleans ? 0x20 : UInt8(byte)
      case ..<0x20, 0x7F: cleans ? 0xFF : UInt8(byte)
      case 0x41...0x5A: lowercases ? UInt8(byte) | 0x20 : UInt8(byte)
      default: UInt8(byte)
      }
    }
  }

  func normalize(_ text: inout TracedText) {
    let (kept, at) = text.isTraced ? (0, 0) : text.change { rewriteASCII(&$0) }
    if at == text.bytes.count, !text.isTraced { return }
    text.rewrite { text, out in
      guard let base = text.baseAddress else { return }
      out.copy(base, 0..<kept)
      append(text, from: at, to: &out)
    }
  }

  /// Rewrites the ASCII that the text begins with in place, since it never grows.
  ///
  /// - Returns: how many bytes are made of how many; the rest of the text has not moved unless it is empty.
  private func rewriteASCII(_ text: inout [UInt8]) -> (kept: Int, read: Int) {
    var kept = 0
    var at = 0
    ascii.withUnsafeBufferPointer { ascii in
      text.withUnsafeMutableBufferPointer { text in
        while at < text.count, text[at] < 0x80 {
          let value = ascii[Int(text[at])]
          text[kept] = value
          kept += value == 0xFF ? 0 : 1
          at += 1
        }
      }
    }
    guard at == text.count else { return (kept, at) }
    text.removeLast(text.count - kept)
    return (kept, kept)
  }

  private func append(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to out: inout TracedText.Output) {
    guard let base = text.baseAddress else { return }
    let characters = BertCharacters.shared(stripsAccents: stripsAccents, lowercases: lowercases)
    /// Marks that stay and wait for all marks on their base.
    var waiting: [CombiningMark] = []
    var at = start
    while at < text.count {
      if base[at] < 0x80 {
        flush(&waiting, to: &out)
        let value = ascii[Int(base[at])]
        if value != 0xFF { out.append(value, from: at) }
        at += 1
        continue
      }
      let (scalar, length) = UTF8Text.scalar(base, at)
      let place = at
      at += length
      if cleans {
        if characters.bits(scalar) & BertCharacters.dropped != 0 { continue }
        if CharacterClasses.shared(scalar) & CharacterClasses.whitespace != 0 {
          flush(&waiting, to: &out)
          out.append(0x20, from: place)
          continue
        }
      }
      let isSpaced = spacesIdeographs && Self.isIdeograph(scalar)
      if isSpaced {
        flush(&waiting, to: &out)
        out.append(0x20, from: place)
      }
      let value = scalar < 0x10000 && waiting.isEmpty ? characters.value(scalar) : BertCharacters.several
      switch value {
      case BertCharacters.nothing: break
      case BertCharacters.several: takeApart(scalar, place, characters, &waiting, &out)
      default: out.append(scalar: value, from: place)
      }
      if isSpaced {
        flush(&waiting, to: &out)
        out.append(0x20, from: place)
      }
    }
    flush(&waiting, to: &out)
  }

  private func takeApart(
    _ value: UInt32, _ place: Int, _ characters: BertCharacters, _ waiting: inout [CombiningMark],
    _ out: inout TracedText.Output
  ) {
    guard let scalar = Unicode.Scalar(value) else { return }
    guard stripsAccents else { return lower(value, from: place, to: &out) }
    for part in UnicodeNormalization.decomposed(scalar, at: place) {
      if part.order == 0 { flush(&waiting, to: &out) }
      if characters.bits(part.scalar) & BertCharacters.mark != 0 { continue }
      if part.order == 0 { lower(part.scalar, from: place, to: &out) } else { waiting.append(part) }
    }
  }

  private func flush(_ waiting: inout [CombiningMark], to out: inout TracedText.Output) {
    if waiting.isEmpty { return }
    CombiningMark.order(&waiting)
    for mark in waiting { lower(mark.scalar, from: mark.place, to: &out) }
    waiting.removeAll(keepingCapacity: true)
  }

  private func lower(_ value: UInt32, from place: Int, to out: inout TracedText.Output) {
    guard lowercases, let scalar = Unicode.Scalar(value) else {
      return out.append(scalar: value, from: place)
    }
    out.append(contentsOf: scalar.properties.lowercaseMapping.utf8, from: place)
  }

  /// The blocks of Chinese characters, as in the original BERT; one of them ends before its last characters.
  private static func isIdeograph(_ scalar: UInt32) -> Bool {
    switch scalar {
    case ..<0x3400: false
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B81F, 0x2B920...0x2CEAF,
      0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}
