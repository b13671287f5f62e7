// Where what a reader takes for one character ends (Unicode Standard Annex 29), with the results of the tokenizers
// package, whose Unicode is not that of Swift's library.

enum GraphemeClusters {
  static let joins: UInt8 = 1  // belongs to what is before it
  static let control: UInt8 = 2  // stands alone
  static let prepended: UInt8 = 4  // what is after it belongs to it
  static let linker: UInt8 = 8  // joins two consonants of Indic scripts
  static let consonant: UInt8 = 16
  static let keepsLinker: UInt8 = 32  // may stand between a linker and its consonants
  static let pictograph: UInt8 = 64

  private static let classes = CharacterClasses(runs: graphemeClassRuns)

  /// The end of the cluster that starts at `start` of valid UTF-8.
  static func end(_ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int) -> Int {
    var (scalar, length) = UTF8Text.scalar(text, start)
    var at = start + length
    if scalar == 0x0D { return at < limit && text[at] == 0x0A ? at + 1 : at }
    var kind = classes(scalar)
    if kind & control != 0 { return at }
    var isAfterLinker = false
    var hasConsonant = kind & consonant != 0
    var hasPictograph = kind & pictograph != 0
    var flags = isFlag(scalar) ? 1 : 0
    while at < limit {
      let before = (scalar: scalar, kind: kind)
      // A letter of ASCII belongs to a cluster only behind one of the rare characters that take what follows.
      if text[at] < 0x80, before.kind & prepended == 0 { return at }
      (scalar, length) = UTF8Text.scalar(text, at)
      kind = classes(scalar)
      guard kind & control == 0 else { return at }
      let isJoined =
        kind & joins != 0 || before.kind & prepended != 0 || Hangul.joins(before.scalar, scalar)
        || (isAfterLinker && kind & consonant != 0)
        || (before.scalar == 0x200D && hasPictograph && kind & pictograph != 0)
        || (isFlag(scalar) && flags % 2 == 1)
      guard isJoined else { return at }
      at += length
      flags = isFlag(scalar) ? flags + 1 : 0
      if kind & consonant != 0 {
        hasConsonant = true
        isAfterLinker = false
      } else if kind & (linker | keepsLinker) == 0 {
        hasConsonant = false
        isAfterLinker = false
      } else if kind & linker != 0, hasConsonant {
        isAfterLinker = true
      }
      if kind & pictograph != 0 { hasPictograph = true } else if kind & joins == 0 { hasPictograph = false }
    }
    return at
  }

  /// Two of these letters make a flag.
  private static func isFlag(_ scalar: UInt32) -> Bool { (0x1F1E6...0x1F1FF).contains(scalar) }

  /// The parts of Korean syllables.
  private enum Hangul {
    case leading, vowel, trailing, open, closed

    init?(_ scalar: UInt32) {
      switch scalar {
      case 0x1100...0x115F, 0xA960...0xA97C: self = .leading
      case 0x1160...0x11A7, 0xD7B0...0xD7C6: self = .vowel
      case 0x11A8...0x11FF, 0xD7CB...0xD7FB: self = .trailing
      case 0xAC00...0xD7A3: self = (scalar - 0xAC00) % 28 == 0 ? .open : .closed
      default: return nil
      }
    }

    static func joins(_ before: UInt32, _ after: UInt32) -> Bool {
      guard after >= 0x1100, let before = Self(before), let after = Self(after) else { return false }
      switch before {
      case .leading: return after != .trailing
      case .vowel, .open: return after == .vowel || after == .trailing
      case .trailing, .closed: return after == .trailing
      }
    }
  }
}
