// What the characters of a row's texts are, found in one walk over them.
import Base

/// A walk over code points; ASCII, which is most of nearly all texts, is counted byte by byte.
struct TextProfile {
  /// Letters of each script.
  private(set) var letters = [Int](repeating: 0, count: Script.allCases.count)
  /// Where a character stands that took the place of one that could not be read, or two that once were one.
  private(set) var damage: Place?
  /// Where a control character stands, or one that is none.
  private(set) var control: Place?

  /// A text of the row, and bytes of it.
  struct Place {
    let text: Int
    let bytes: Range<Int>
  }

  init(_ texts: [TextPart]) {
    for (number, text) in texts.enumerated() { walk(text.bytes, number) }
  }

  private mutating func walk(_ text: [UInt8], _ number: Int) {
    var latin = 0
    var at = 0
    var before: UInt32 = 0
    /// Whether the last character was a part of one that was damaged.
    var isInDamage = false
    while at < text.count {
      let byte = text[at]
      if byte < 0x80 {
        if (0x61...0x7A).contains(byte | 0x20) {
          latin += 1
        } else if byte < 0x20 || byte == 0x7F, Unicode.Scalar(byte).isUnseenControl, control == nil {
          control = Place(text: number, bytes: at..<at + 1)
        }
        before = UInt32(byte)
        isInDamage = false
        at += 1
        continue
      }
      let (scalar, length) = Self.scalar(text, at)
      let place = at..<at + length
      let goesOn = isInDamage && (0x80...0x9F).contains(scalar.value)
      isInDamage = goesOn || Self.isMojibake(before, scalar.value)
      if isInDamage || scalar.value == 0xFFFD {
        damage = damage ?? Place(text: number, bytes: place)
      } else if scalar.isUnseenControl {
        control = control ?? Place(text: number, bytes: place)
      } else if let script = Script(scalar.value) {
        letters[script.rawValue] += 1
      }
      before = scalar.value
      at += length
    }
    letters[Script.latin.rawValue] += latin
  }

  /// The character at a byte; what is no UTF-8 counts as U+FFFD.
  private static func scalar(_ text: [UInt8], _ at: Int) -> (Unicode.Scalar, length: Int) {
    let first = text[at]
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
    guard first >= 0xC2, first < 0xF5, at + length <= text.count else { return ("\u{FFFD}", 1) }
    var value = UInt32(first) & (0x7F >> UInt32(length))
    for byte in text[at + 1..<at + length] {
      guard byte & 0xC0 == 0x80 else { return ("\u{FFFD}", 1) }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
  }

  /// Whether two characters are the bytes of one in UTF-8, read as Latin-1 or Windows-1252: `Ã©` was é, `â€™` was an
  /// apostrophe. No language puts these beside each other.
  private static func isMojibake(_ first: UInt32, _ second: UInt32) -> Bool {
    switch first {
    case 0xC3, 0xC2: (0x80...0xBF).contains(second) && second != 0xAB && second != 0xBB && second != 0xA0
    case 0xD0, 0xD1: (0x80...0xBF).contains(second) && second != 0xAB && second != 0xBB && second != 0xA0
    case 0xE2: second == 0x20AC || (0x80...0x9F).contains(second)
    default: false
    }
  }

  /// The script that most letters have; nil without letters.
  var script: Script? {
    let most = letters.indices.max { letters[$0] < letters[$1] } ?? 0
    guard letters[most] > 0 else { return nil }
    let (kana, han) = (letters[Script.kana.rawValue], letters[Script.han.rawValue])
    // Japanese has both.
    if kana + han > letters[most], kana * 20 > han { return .kana }
    return most == Script.han.rawValue && kana * 20 > han ? .kana : Script(rawValue: most)
  }

  var letterCount: Int { letters.reduce(0, +) }
}
