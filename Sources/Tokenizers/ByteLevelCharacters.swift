// The byte-level alphabet: every byte as a printable character, as GPT-2's encoder has it.

/// Bytes that print stand for themselves, the rest for U+0100 and on, in order.
enum ByteAlphabet {
  /// The UTF-8 of each byte's character.
  static let characters: [[UInt8]] = scalars.map { scalar in
    var bytes: [UInt8] = []
    UTF8Text.append(scalar, to: &bytes)
    return bytes
  }

  /// The byte of each character below U+0144; -1 if there is none.
  static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  private static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return UInt32(byte)
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  static func append(_ text: some Sequence<UInt8>, to out: inout [UInt8]) {
    for byte in text { out.append(contentsOf: characters[Int(byte)]) }
  }

  /// Appends the bytes that `piece` (valid UTF-8) stands for, or the piece itself if one of its characters stands for
  /// none.
  static func appendDecoded(_ piece: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]) {
    let before = out.count
    var at = 0
    while at < piece.count {
      let byte = piece[at]
      var scalar = Int(byte)
      if byte >= 0x80 {
        guard byte < 0xE0, at + 1 < piece.count else { break }
        scalar = Int(byte & 0x1F) << 6 | Int(piece[at + 1] & 0x3F)
      }
      guard scalar < bytes.count, bytes[scalar] >= 0 else { break }
      out.append(UInt8(truncatingIfNeeded: bytes[scalar]))
      at += byte < 0x80 ? 1 : 2
    }
    if at < piece.count {
      out.removeSubrange(before...)
      out.append(contentsOf: piece)
    }
  }
}

/// Writes the text in the byte-level alphabet, as a normalizer or if another pre-tokenizer follows.
struct ByteLevelCharacters: Normalizer, PreTokenizer {
  var growth: Int { 2 }

  func normalize(_ text: inout TracedText) {
    text.rewrite { text, out in
      for at in text.indices { out.append(contentsOf: ByteAlphabet.characters[Int(text[at])], from: at) }
    }
  }

  func apply(to words: inout Words) {
    words.rewriteEach { text, word, _, out in
      for at in word.start..<word.end {
        out.append(contentsOf: ByteAlphabet.characters[Int(text[at])], from: at)
      }
    }
  }
}
