// The normalizers that need no table of their own.

/// Puts a text in front of every part that is not empty.
struct Prepend: Normalizer {
  let bytes: [UInt8]
  /// The growth is that of a part of one byte.
  var growth: Int { bytes.count + 1 }

  func normalize(_ text: inout TracedText) {
    guard !text.bytes.isEmpty else { return }
    text.rewrite { text, out in
      guard let base = text.baseAddress else { return }
      out.append(contentsOf: bytes, from: 0)
      out.copy(base, 0..<text.count)
    }
  }
}

/// Replaces every occurrence of a literal text, from left to right.
struct Replace: Normalizer {
  let pattern: [UInt8]
  let content: [UInt8]
  var growth: Int { Self.growth(pattern.count, content.count) }

  func normalize(_ text: inout TracedText) {
    guard let first = pattern.first, text.bytes.contains(first) else { return }
    text.rewrite { text, out in
      guard let base = text.baseAddress else { return }
      var at = 0
      var done = 0
      while at + pattern.count <= text.count {
        guard base[at] == first, text[at..<(at + pattern.count)].elementsEqual(pattern) else {
          at += 1
          continue
        }
        out.copy(base, done..<at)
        at += pattern.count
        out.append(contentsOf: content, from: at - 1)
        done = at
      }
      out.copy(base, done..<text.count)
    }
  }
}

/// Lower case code point by code point, without regard to neighbours (no final sigma).
struct Lowercase: Normalizer {
  var growth: Int { 2 }

  func normalize(_ text: inout TracedText) {
    text.mapScalars { scalar, at, out in
      if scalar.value < 0x80 {
        out.append(UInt8(scalar.value) | (scalar.value >= 0x41 && scalar.value <= 0x5A ? 0x20 : 0), from: at)
      } else {
        out.append(contentsOf: scalar.properties.lowercaseMapping.utf8, from: at)
      }
    }
  }
}

/// Removes combining marks; files put NFD before it.
struct StripAccents: Normalizer {
  func normalize(_ text: inout TracedText) {
    text.mapScalars { scalar, at, out in
      if !Self.isMark(scalar) { out.append(scalar: scalar.value, from: at) }
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

  func normalize(_ text: inout TracedText) {
    let (start, end) = text.bytes.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return (0, 0) }
      let start = left ? AddedTokenMatcher.spaceEnd(base, 0, text.count) : 0
      return (start, right ? max(start, AddedTokenMatcher.spaceStart(base, text.count)) : text.count)
    }
    if start > 0 || end < text.bytes.count { text.keep(start..<end) }
  }
}

extension TracedText {
  /// Calls `body` for each scalar and the place where it starts.
  fileprivate mutating func mapScalars(_ body: (Unicode.Scalar, _ at: Int, inout Output) -> Void) {
    rewrite { text, out in
      guard let base = text.baseAddress else { return }
      var at = 0
      while at < text.count {
        let (value, length) = UTF8Text.scalar(base, at)
        if let scalar = Unicode.Scalar(value) { body(scalar, at, &out) }
        at += length
      }
    }
  }
}
