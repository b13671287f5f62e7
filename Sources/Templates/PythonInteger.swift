// Python's whole numbers, as far as 64 bits hold them.
import Foundation

enum PythonInteger {
  static var overflow: PythonError { PythonError("a whole number is larger than 64 bits hold") }

  /// What `int` reads of a text; nil where it raises.
  static func parse(_ text: [UInt8], base: Int = 10) throws -> Int? {
    guard base == 0 || (2...36).contains(base) else {
      throw PythonError("int() base must be >= 2 and <= 36, or 0")
    }
    guard var digits = plainDigits(text, underscoreAfterPrefix: true) else { return nil }
    let isNegative = digits.hasPrefix("-")
    if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
    var base = base
    let prefixes: [Substring: Int] = ["0x": 16, "0o": 8, "0b": 2]
    if let prefixed = prefixes[digits.prefix(2).lowercased()[...]], base == 0 || base == prefixed {
      digits = String(digits.dropFirst(2))
      base = prefixed
    } else if base == 0 {
      base = 10
      if digits.hasPrefix("0"), digits.contains(where: { $0 != "0" }) { return nil }
    }
    let radix = base
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.hexDigitOrLetter < radix }) else {
      return nil
    }
    guard let value = Int((isNegative ? "-" : "") + digits, radix: base) else { throw overflow }
    return value
  }

  /// A number's characters without white space around them and without underscores between digits, other scripts' digits as
  /// ASCII; nil where underscores stand elsewhere.
  static func plainDigits(_ text: [UInt8], underscoreAfterPrefix: Bool = false) -> String? {
    let start = PythonText.trimmedStart(text, 0..<text.count)
    let end = PythonText.trimmedEnd(text, start..<text.count)
    guard end - start <= 5_000 else { return nil }
    var out = ""
    var last: Unicode.Scalar = "_"
    for scalar in PythonText.scalars(text[start..<end]) {
      if scalar == "_" {
        let afterPrefix = underscoreAfterPrefix && "xXoObB".unicodeScalars.contains(last)
        guard last.properties.numericType == .decimal || afterPrefix || last.properties.isAlphabetic,
          last != "_"
        else { return nil }
      } else if scalar.value > 0x7F, let value = scalar.properties.numericValue,
        scalar.properties.numericType == .decimal
      {
        out += String(Int(value))
      } else {
        guard scalar.isASCII else { return nil }
        out.unicodeScalars.append(scalar)
      }
      last = scalar
    }
    return last == "_" ? nil : out
  }
}

extension Character {
  /// The value of a digit of bases up to 36; 99 for other characters.
  fileprivate var hexDigitOrLetter: Int {
    guard let byte = asciiValue else { return 99 }
    switch byte {
    case 0x30...0x39: return Int(byte) - 0x30
    case 0x41...0x5A: return Int(byte) - 0x41 + 10
    case 0x61...0x7A: return Int(byte) - 0x61 + 10
    default: return 99
    }
  }
}
