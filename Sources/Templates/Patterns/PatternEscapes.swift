// Reads what stands behind a backslash or between brackets in a regular expression.

extension PatternParser {
  mutating func escape() throws(PatternMistake) -> PatternNode {
    at += 1
    guard let scalar = next else { throw PatternMistake("bad escape (end of pattern)") }
    switch scalar {
    case "A": return assertion(.textStart)
    case "Z": return assertion(.textEnd)
    case "b": return assertion(.wordEdge(true))
    case "B": return assertion(.wordEdge(false))
    case "1"..."9":
      let number = self.number() ?? 0
      guard number <= groups else { throw PatternMistake("invalid group reference \(number)") }
      return .reference(number, ignoresCase: flags.ignoresCase)
    default:
      if let part = classPart() { return .set(PatternSet(parts: [part])) }
      return .character(try escapedScalar(), ignoresCase: flags.ignoresCase)
    }
  }

  private mutating func assertion(_ assertion: PatternAssertion) -> PatternNode {
    at += 1
    return .assertion(assertion)
  }

  /// `\d` and the like, at the letter behind the backslash.
  private mutating func classPart() -> PatternSet.Part? {
    let part: PatternSet.Part
    switch source[at] {
    case "d": part = .digits(true)
    case "D": part = .digits(false)
    case "w": part = .words(true)
    case "W": part = .words(false)
    case "s": part = .spaces(true)
    case "S": part = .spaces(false)
    default: return nil
    }
    at += 1
    return part
  }

  /// A single escaped character, at the letter behind the backslash.
  private mutating func escapedScalar() throws(PatternMistake) -> Unicode.Scalar {
    let scalar = source[at]
    at += 1
    switch scalar {
    case "n": return "\n"
    case "t": return "\t"
    case "r": return "\r"
    case "f": return "\u{0C}"
    case "v": return "\u{0B}"
    case "a": return "\u{07}"
    case "x": return try hexadecimal(2)
    case "u": return try hexadecimal(4)
    case "U": return try hexadecimal(8)
    case "0":
      var value: UInt32 = 0
      var count = 0
      while let digit = next, ("0"..."7").contains(digit), count < 2 {
        value = value * 8 + digit.value - 0x30
        at += 1
        count += 1
      }
      return Unicode.Scalar(value) ?? "\0"
    case "a"..."z", "A"..."Z", "1"..."9":
      throw PatternMistake("bad escape \\\(scalar) at position \(at - 2)")
    default: return scalar
    }
  }

  private mutating func hexadecimal(_ digits: Int) throws(PatternMistake) -> Unicode.Scalar {
    let text = String(String.UnicodeScalarView(source[at..<min(at + digits, source.count)]))
    guard text.count == digits, let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
      throw PatternMistake("incomplete escape at position \(at)")
    }
    at += digits
    return scalar
  }

  mutating func set() throws(PatternMistake) -> PatternSet {
    let start = at
    at += 1
    var set = PatternSet()
    set.ignoresCase = flags.ignoresCase
    set.isNegated = take("^")
    var isFirst = true
    while let scalar = next, scalar != "]" || isFirst {
      isFirst = false
      guard let low = try setItem(&set) else { continue }
      guard next == "-", at + 1 < source.count, source[at + 1] != "]" else {
        set.parts.append(.range(low.value...low.value))
        continue
      }
      at += 1
      var none = PatternSet()
      guard let high = try setItem(&none), low.value <= high.value else {
        throw PatternMistake("bad character range at position \(at)")
      }
      set.parts.append(.range(low.value...high.value))
    }
    guard take("]") else { throw PatternMistake("unterminated character set at position \(start)") }
    return set
  }

  /// One character of a class; nil where it was a class of its own, which is added.
  private mutating func setItem(_ set: inout PatternSet) throws(PatternMistake) -> Unicode.Scalar? {
    let scalar = source[at]
    at += 1
    guard scalar == "\\" else { return scalar }
    guard next != nil else { throw PatternMistake("bad escape (end of pattern)") }
    if let part = classPart() {
      set.parts.append(part)
      return nil
    }
    if take("b") { return "\u{08}" }
    return try escapedScalar()
  }
}
