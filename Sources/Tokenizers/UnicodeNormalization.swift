// NFC, NFD, NFKC and NFKD (Unicode Standard Annex 15), with the results of the `tokenizers` package, which knows
// Unicode 9: characters from later versions stay as they are and keep their place.
//
// Decompositions of single characters are Foundation's. Order and composition are done here: the standard
// library composes U+10059 with a dot below as if it were Y, and Foundation leaves the marks of a
// compatibility decomposition unordered (both seen with Swift 6.3).
import Foundation

struct UnicodeNormalization: Normalizer {
  enum Form: Sendable { case nfc, nfd, nfkc, nfkd }
  let form: Form
  /// U+FDFA is the longest: 3 bytes become 33. Canonically U+0390 is: 2 bytes become 6.
  var growth: Int { form == .nfkc || form == .nfkd ? 11 : 3 }

  func normalize(_ text: inout [UInt8]) {
    guard text.contains(where: { $0 >= 0x80 }) else { return }
    text = text.withUnsafeBufferPointer { form == .nfc ? composed($0) : rewritten($0) }
  }

  /// NFC. Nearly all text is composed already, so only characters that may change are looked at, each run of them
  /// together with the character before it.
  private func composed(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    guard let base = text.baseAddress else { return out }
    CharacterClasses.shared.withReader { classes in
      func isChanging(_ at: Int) -> Bool {
        base[at] >= 0x80 && classes.scalar(base, at).class & CharacterClasses.changing != 0
      }
      var done = 0
      var at = 0
      while at < text.count {
        guard isChanging(at) else {
          at += UTF8Text.length(base[at])
          continue
        }
        let start = at > done ? UTF8Text.before(base, at) : at
        while at < text.count, isChanging(at) { at += UTF8Text.length(base[at]) }
        out.append(contentsOf: text[done..<start])
        out.append(contentsOf: rewritten(UnsafeBufferPointer(rebasing: text[start..<at])))
        done = at
      }
      out.append(contentsOf: text[done...])
    }
    return out
  }

  private func rewritten(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var marks: [CombiningMark] = []
    marks.reserveCapacity(text.count)
    let isCompatible = form == .nfkc || form == .nfkd
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      marks.append(contentsOf: Self.decomposed(scalar, compatibly: isCompatible))
    }
    CombiningMark.order(&marks)
    if form == .nfc || form == .nfkc { CombiningMark.compose(&marks) }
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    for mark in marks { UTF8Text.append(mark.scalar, to: &out) }
    return out
  }

  /// The parts of a character, not in order with what stands around it.
  static func decomposed(_ scalar: Unicode.Scalar, compatibly: Bool = false) -> [CombiningMark] {
    if (0xAC00..<0xD7A4).contains(scalar.value) { return CombiningMark.syllable(scalar.value) }
    guard scalar.value >= 0x80, isKnown(scalar) else {
      return [CombiningMark(scalar: scalar.value, order: 0)]
    }
    let text = String(Character(scalar))
    let parts =
      compatibly ? text.decomposedStringWithCompatibilityMapping : text.decomposedStringWithCanonicalMapping
    return parts.unicodeScalars.map {
      CombiningMark(scalar: $0.value, order: $0.properties.canonicalCombiningClass.rawValue)
    }
  }

  /// Whether a character was in Unicode 9.
  static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    guard let age = scalar.properties.age else { return false }
    return age.major < 9 || (age.major == 9 && age.minor == 0)
  }
}

/// A character and its order among the marks on one base: 0 if it is not such a mark.
struct CombiningMark {
  var scalar: UInt32
  var order: UInt8

  /// The two or three parts of a Hangul syllable.
  static func syllable(_ scalar: UInt32) -> [CombiningMark] {
    let (leading, rest) = (scalar - 0xAC00).quotientAndRemainder(dividingBy: 21 * 28)
    let (vowel, trailing) = rest.quotientAndRemainder(dividingBy: 28)
    let parts = [0x1100 + leading, 0x1161 + vowel] + (trailing == 0 ? [] : [0x11A7 + trailing])
    return parts.map { CombiningMark(scalar: $0, order: 0) }
  }

  /// Puts every run of marks into canonical order; marks of equal order stay in place.
  static func order(_ marks: inout [CombiningMark]) {
    var start = 0
    while start < marks.count {
      guard marks[start].order != 0 else {
        start += 1
        continue
      }
      var end = start
      while end < marks.count, marks[end].order != 0 { end += 1 }
      // `sort` keeps the order of equal elements.
      if end - start > 1 { marks[start..<end].sort { $0.order < $1.order } }
      start = end
    }
  }

  static func compose(_ marks: inout [CombiningMark]) {
    var base: Int?
    var last: UInt8 = 0
    var count = 0
    for mark in marks {
      if let base, last < mark.order || base == count - 1,
        let whole = composition(marks[base].scalar, mark.scalar)
      {
        marks[base].scalar = whole
        continue
      }
      marks[count] = mark
      if mark.order == 0 { base = count }
      last = mark.order
      count += 1
    }
    marks.removeLast(marks.count - count)
  }

  private static func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
    // Hangul: a leading consonant and a vowel, then a trailing consonant.
    if (0x1100..<0x1113).contains(first), (0x1161..<0x1176).contains(second) {
      return 0xAC00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28
    }
    if (0xAC00..<0xD7A4).contains(first), (first - 0xAC00) % 28 == 0, (0x11A8..<0x11C3).contains(second) {
      return first + second - 0x11A7
    }
    return pairs[UInt64(first) << 32 | UInt64(second)]
  }

  private static let pairs: [UInt64: UInt32] = {
    var pairs: [UInt64: UInt32] = [:]
    for at in stride(from: 0, to: compositionPairs.count - 2, by: 3) {
      pairs[UInt64(compositionPairs[at]) << 32 | UInt64(compositionPairs[at + 1])] = compositionPairs[at + 2]
    }
    return pairs
  }()
}
