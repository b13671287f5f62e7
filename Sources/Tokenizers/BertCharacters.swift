// What BertNormalizer makes of single characters: dropped, kept, or changed to one other, in one table look-up.
import Base

/// The table of one setting of accents and case, for the characters below U+10000.
final class BertCharacters: Sendable {
  static let dropped: UInt8 = 1  // what `clean_text` removes
  static let mark: UInt8 = 2  // what `strip_accents` removes after decomposing

  /// The value of a character that is removed.
  static let nothing: UInt32 = .max
  /// The value of a character that becomes several, or that must be put in order with its neighbours.
  static let several: UInt32 = .max - 1

  private static let plain = BertCharacters(stripsAccents: false, lowercases: false)
  private static let lowercased = BertCharacters(stripsAccents: false, lowercases: true)
  private static let stripped = BertCharacters(stripsAccents: true, lowercases: false)
  private static let both = BertCharacters(stripsAccents: true, lowercases: true)

  /// The table is made when it is first asked for, since texts in ASCII need none.
  static func shared(stripsAccents: Bool, lowercases: Bool) -> BertCharacters {
    switch (stripsAccents, lowercases) {
    case (false, false): plain
    case (false, true): lowercased
    case (true, false): stripped
    case (true, true): both
    }
  }

  private let stripsAccents: Bool
  private let lowercases: Bool
  /// What each character becomes, without `clean_text` and the spaces around ideographs.
  private let values: [UInt32]
  private let classes: [UInt8]

  private init(stripsAccents: Bool, lowercases: Bool) {
    self.stripsAccents = stripsAccents
    self.lowercases = lowercases
    classes = Self.lowClasses
    values = (0..<0x10000).map { point in
      switch point {
      // Ideographs and private characters stay as they are, and syllables are taken apart by a formula.
      case 0x3400..<0xA000, 0xD800..<0xF900: return UInt32(point)
      case 0xAC00..<0xD7A4: return stripsAccents ? Self.several : UInt32(point)
      default:
        return Self.value(UInt32(point), stripsAccents, lowercases)
      }
    }
  }

  /// What a character below U+10000 becomes, or `nothing` or `several`.
  @inline(__always)
  func value(_ scalar: UInt32) -> UInt32 { values[Int(scalar)] }

  /// The bits of a character.
  @inline(__always)
  func bits(_ scalar: UInt32) -> UInt8 {
    scalar < 0x10000 ? classes[Int(scalar)] : Self.search(scalar)
  }

  private static func value(
    _ point: UInt32, _ stripsAccents: Bool, _ lowercases: Bool
  ) -> UInt32 {
    guard let scalar = Unicode.Scalar(point) else { return point }
    var value = point
    if stripsAccents {
      var kept: [CombiningMark] = []
      for part in UnicodeNormalization.decomposed(scalar, at: 0) where search(part.scalar) & mark == 0 {
        kept.append(part)
      }
      guard let first = kept.first else { return nothing }
      guard kept.count == 1, first.order == 0 else { return several }
      value = first.scalar
    }
    guard lowercases, let scalar = Unicode.Scalar(value) else { return value }
    let lower = scalar.properties.lowercaseMapping.unicodeScalars
    return lower.count == 1 ? lower.first?.value ?? value : several
  }

  /// The bits of all characters below U+10000.
  private static let lowClasses: [UInt8] = {
    var classes = [UInt8](repeating: 0, count: 0x10000)
    var run = 0
    for point in classes.indices {
      while run + 1 < bertCharacterRuns.count, bertCharacterRuns[run + 1] >> 8 <= point { run += 1 }
      classes[point] = UInt8(truncatingIfNeeded: bertCharacterRuns[run])
    }
    return classes
  }()

  /// The bits of any character.
  private static func search(_ scalar: UInt32) -> UInt8 {
    var low = 0
    var high = bertCharacterRuns.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if bertCharacterRuns[middle] >> 8 <= scalar { low = middle } else { high = middle }
    }
    return UInt8(truncatingIfNeeded: bertCharacterRuns[low])
  }
}
