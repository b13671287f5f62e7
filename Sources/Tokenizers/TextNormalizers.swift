// The normalizers that need no table of their own.

/// Puts a text in front of every part that is not empty.
struct Prepend: Normalizer {
  let bytes: [UInt8]
  /// The growth is that of a part of one byte.
  var growth: Int { bytes.count + 1 }

  func normalize(_ text: inout [UInt8]) {
    if !text.isEmpty { text.insert(contentsOf: bytes, at: 0) }
  }
}

/// Replaces every occurrence of a literal text, from left to right.
struct Replace: Normalizer {
  let pattern: [UInt8]
  let content: [UInt8]
  var growth: Int { Self.growth(pattern.count, content.count) }

  func normalize(_ text: inout [UInt8]) {
    guard let first = pattern.first, text.contains(first) else { return }
    var out: [UInt8] = []
    out.reserveCapacity(text.count + text.count / 4 * min(max(0, content.count - pattern.count), 4))
    text.withUnsafeBufferPointer { text in
      var at = 0
      while at < text.count {
        if text[at] == first, at + pattern.count <= text.count,
          text[at..<(at + pattern.count)].elementsEqual(pattern)
        {
          out.append(contentsOf: content)
          at += pattern.count
        } else {
          out.append(text[at])
          at += 1
        }
      }
    }
    text = out
  }
}

/// Lower case code point by code point, without regard to neighbours (no final sigma).
struct Lowercase: Normalizer {
  var growth: Int { 2 }

  func normalize(_ text: inout [UInt8]) {
    mapScalars(&text) { scalar, out in
      if scalar.value < 0x80 {
        out.append(UInt8(scalar.value) | (scalar.value >= 0x41 && scalar.value <= 0x5A ? 0x20 : 0))
      } else {
        out.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
      }
    }
  }
}

/// Removes combining marks; files put NFD before it.
struct StripAccents: Normalizer {
  func normalize(_ text: inout [UInt8]) {
    mapScalars(&text) { scalar, out in
      if !Self.isMark(scalar) { UTF8Text.append(scalar.value, to: &out) }
    }
  }

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case ..<0x300: return false
    // Three have become or ceased to be marks since the Unicode 9 of the tokenizers package.
    case 0x1CF2, 0x1CF3: return true
    case 0x111C9: return false
    default: break
    }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: return UnicodeNormalization.isKnown(scalar)
    default: return false
    }
  }
}

/// Removes white space from the ends.
struct StripSpace: Normalizer {
  let left: Bool
  let right: Bool

  func normalize(_ text: inout [UInt8]) {
    let (start, end) = text.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return (0, 0) }
      let start = left ? AddedTokenMatcher.spaceEnd(base, 0, text.count) : 0
      return (start, right ? max(start, AddedTokenMatcher.spaceStart(base, text.count)) : text.count)
    }
    text.removeSubrange(end...)
    text.removeSubrange(..<start)
  }
}

private func mapScalars(_ text: inout [UInt8], _ body: (Unicode.Scalar, inout [UInt8]) -> Void) {
  var out: [UInt8] = []
  out.reserveCapacity(text.count)
  for scalar in String(decoding: text, as: UTF8.self).unicodeScalars { body(scalar, &out) }
  text = out
}
