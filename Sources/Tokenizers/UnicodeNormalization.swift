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

  func normalize(_ text: inout TracedText) {
    guard text.bytes.contains(where: { $0 >= 0x80 }) else { return }
    text.rewrite { text, out in
      guard let base = text.baseAddress else { return }
      if form == .nfc { compose(base, text.count, &out) } else { rewrite(base, 0..<text.count, &out) }
    }
  }

  /// NFC. Nearly all text is composed already, so only characters that may change are looked at, each run of them
  /// together with the character before it.
  private func compose(_ base: UnsafePointer<UInt8>, _ count: Int, _ out: inout TracedText.Output) {
    CharacterClasses.shared.withReader { classes in
      func isChanging(_ at: Int) -> Bool {
        base[at] >= 0x80 && classes.scalar(base, at).class & CharacterClasses.changing != 0
      }
      var done = 0
      var at = 0
      while at < count {
        guard isChanging(at) else {
          at += UTF8Text.length(base[at])
          continue
        }
        let start = at > done ? UTF8Text.before(base, at) : at
        while at < count, isChanging(at) { at += UTF8Text.length(base[at]) }
        out.copy(base, done..<start)
        rewrite(base, start..<at, &out)
        done = at
      }
      out.copy(base, done..<count)
    }
  }

  private func rewrite(_ base: UnsafePointer<UInt8>, _ range: Range<Int>, _ out: inout TracedText.Output) {
    var marks: [CombiningMark] = []
    marks.reserveCapacity(range.count)
    let isCompatible = form == .nfkc || form == .nfkd
    var at = range.lowerBound
    while at < range.upperBound {
      let (value, length) = UTF8Text.scalar(base, at)
      if let scalar = Unicode.Scalar(value) {
        marks.append(contentsOf: Self.decomposed(scalar, compatibly: isCompatible, at: at))
      }
      at += length
    }
    CombiningMark.order(&marks)
    if form == .nfc || form == .nfkc { CombiningMark.compose(&marks) }
    for mark in marks { out.append(scalar: mark.scalar, from: mark.place) }
  }

  /// The parts of a character, not in order with what stands around it.
  static func decomposed(
    _ scalar: Unicode.Scalar, compatibly: Bool = false, at place: Int
  ) -> [CombiningMark] {
    if (0xAC00..<0xD7A4).contains(scalar.value) { return CombiningMark.syllable(scalar.value, at: place) }
    guard scalar.value >= 0x80, isKnown(scalar) else {
      return [CombiningMark(scalar: scalar.value, order: 0, place: place)]
    }
    let text = String(Character(scalar))
    let parts =
      compatibly ? text.decomposedStringWithCompatibilityMapping : text.decomposedStringWithCanonicalMapping
    return parts.unicodeScalars.map {
      CombiningMark(
        scalar: $0.value, order: $0.properties.canonicalCombiningClass.rawValue, place: place)
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
  /// Where the character that it comes from starts in the text that is read.
  var place: Int

  /// The two or three parts of a Hangul syllable.
  static func syllable(_ scalar: UInt32, at place: Int) -> [CombiningMark] {
    let (leading, rest) = (scalar - 0xAC00).quotientAndRemainder(dividingBy: 21 * 28)
    let (vowel, trailing) = rest.quotientAndRemainder(dividingBy: 28)
    let parts = [0x1100 + leading, 0x1161 + vowel] + (trailing == 0 ? [] : [0x11A7 + trailing])
    return parts.map { CombiningMark(scalar: $0, order: 0, place: place) }
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
