// E-mail addresses, phone numbers, IP addresses and numbers of cards: they may belong to somebody.
import Base

final class Addresses: Check {
  static let name = "addresses"
  static let readsTexts = true
  private var tally = Tally()
  private var counts: [Kind: Int] = [:]

  /// In the order in which they are told.
  enum Kind: String, CaseIterable {
    case email = "e-mail"
    case phone
    case address = "IP"
    case card
  }

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.example != nil else { return }
    var first: (text: [UInt8], bytes: Range<Int>)?
    var kinds: Set<Kind> = []
    for text in row.texts {
      for (kind, bytes) in Self.found(in: text.bytes) {
        kinds.insert(kind)
        if first == nil { first = (text.bytes, bytes) }
      }
    }
    for kind in kinds { counts[kind, default: 0] += 1 }
    tally.count(row, has: first != nil) { first.map { Excerpt.text($0.text, around: $0.bytes) } ?? "" }
  }

  func findings() -> [Finding] {
    let kinds = Kind.allCases.compactMap { kind in counts[kind].map { "\(kind.rawValue) \(grouped($0))" } }
    return tally.finding(
      Self.self, .warning, "rows with addresses or numbers of persons (\(kinds.joined(separator: ", ")))",
      advice:
        "make sure that they may be trained on, or replace them; example.com and reserved numbers are not counted"
    )
  }
}

extension Addresses {
  /// What stands in a text, in order.
  static func found(in text: [UInt8]) -> [(kind: Kind, bytes: Range<Int>)] {
    var found: [(kind: Kind, bytes: Range<Int>)] = []
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte == UInt8(ascii: "@"), let range = email(text, at) {
        found.append((.email, range))
        at = range.upperBound
      } else if byte.isDigit || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "("),
        let number = number(text, at)
      {
        if let kind = number.kind { found.append((kind, number.bytes)) }
        at = number.bytes.upperBound
      } else {
        at += 1
      }
    }
    return found
  }

  private static func email(_ text: [UInt8], _ sign: Int) -> Range<Int>? {
    var start = sign
    while start > 0, text[start - 1].isKeyByte || ".+%".utf8.contains(text[start - 1]) { start -= 1 }
    while start < sign, !text[start].isAlphanumeric { start += 1 }
    var domain = text.run(from: sign + 1) {
      $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
    }
    while let last = text[domain].last, !last.isAlphanumeric {
      domain = domain.lowerBound..<domain.upperBound - 1
    }
    let name = String(decoding: text[domain], as: UTF8.self).lowercased()
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    guard start < sign, labels.count >= 2, labels.allSatisfy({ !$0.isEmpty }), let top = labels.last,
      top.count >= 2,
      top.allSatisfy(\.isLetter), !isReserved(labels, name)
    else { return nil }
    return start..<domain.upperBound
  }

  /// Domains that belong to nobody (RFC 2606), and those that everybody writes for one.
  private static func isReserved(_ labels: [Substring], _ name: String) -> Bool {
    ["example", "test", "invalid", "localhost"].contains(labels.last ?? "") || labels.contains("example")
      || ["email.com", "domain.com", "yourdomain.com", "company.com", "mail.com", "xyz.com", "abc.com"]
        .contains(name)
  }

  /// A run of digits with what may stand between them, and what it is; nil inside of a word or a longer number.
  private static func number(_ text: [UInt8], _ start: Int) -> (kind: Kind?, bytes: Range<Int>)? {
    if text.isKind(at: start - 1, { $0.isKeyByte || ".,/+$=:#".utf8.contains($0) || $0 >= 0x80 }) {
      let run = text.run(from: start) { $0.isDigit || $0 == UInt8(ascii: ".") }
      return run.isEmpty ? nil : (nil, run)
    }
    var run = text.run(from: start) { $0.isDigit || " -.()+".utf8.contains($0) }
    while let last = text[run].last, !last.isDigit { run = run.lowerBound..<run.upperBound - 1 }
    guard !run.isEmpty else { return nil }
    // Digits that go on in letters are part of a name.
    if text.isKind(at: run.upperBound, { $0.isLetter || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "%") })
    {
      return (nil, run)
    }
    let form = String(decoding: text[run], as: UTF8.self)
    let kind: Kind? = isAddress(form) ? .address : isCard(form) ? .card : isPhone(form) ? .phone : nil
    return (kind, run)
  }

  /// An IPv4 address that is routed, but for those of public name servers.
  private static func isAddress(_ form: String) -> Bool {
    let parts = form.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { UInt8($0) }
    guard parts.count == 4, bytes.count == 4, zip(parts, bytes).allSatisfy({ String($1) == $0 }) else {
      return false
    }
    switch (bytes[0], bytes[1], bytes[2]) {
    case (0...10, _, _), (127, _, _), (224..., _, _), (172, 16...31, _), (192, 168, _), (169, 254, _),
      (192, 0, 2), (198, 51, 100), (203, 0, 113), (100, 64...127, _):
      return false
    default: return true
    }
  }

  /// The check digit of ISO 7812 (Luhn 1960), and the lengths and first digits of those that give out cards; numbers that
  /// their documents have for tests are not counted.
  private static func isCard(_ form: String) -> Bool {
    guard form.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == " " || $0 == "-") }) else { return false }
    let groups = form.split(whereSeparator: { $0 == " " || $0 == "-" }).map(\.count)
    guard groups.count == 1 || groups == [4, 4, 4, 4] || groups == [4, 6, 5] else { return false }
    let digits = form.compactMap(\.wholeNumberValue)
    let two = digits.prefix(2).reduce(0) { $0 * 10 + $1 }
    let isKnown =
      digits.count == 15
      ? two == 34 || two == 37
      : digits.count == 16
        && (digits[0] == 4 || (51...55).contains(two) || (22...27).contains(two) || two == 65)
    let sum = digits.reversed().enumerated().reduce(0) { sum, digit in
      let value = digit.offset % 2 == 1 ? digit.element * 2 : digit.element
      return sum + (value > 9 ? value - 9 : value)
    }
    return isKnown && sum % 10 == 0 && Set(digits).count > 4
  }

  /// An international number, or one of North America; none with 555, which stories have.
  private static func isPhone(_ form: String) -> Bool {
    let digits = form.filter(\.isNumber)
    if form.hasPrefix("+") {
      // No sum of numbers.
      guard form.dropFirst().first?.isNumber == true, !form.dropFirst().contains("+"), !form.contains(" - ")
      else {
        return false
      }
      return (9...13).contains(digits.count) && !digits.hasPrefix("1") || isAmerican(form.dropFirst(2))
    }
    return isAmerican(form[...])
  }

  private static func isAmerican(_ form: Substring) -> Bool {
    // 212-867-5309, (212) 867-5309, 212.867.5309
    let shape = String(form.drop { $0 == " " || $0 == "-" }.map { $0.isNumber ? "0" : $0 })
    let shapes = ["000-000-0000", "(000) 000-0000", "(000)000-0000", "000.000.0000", "000 000 0000"]
    let digits = Array(form.filter(\.isNumber))
    guard shapes.contains(shape), digits.count == 10, "23456789".contains(digits[0]),
      "23456789".contains(digits[3])
    else { return false }
    return String(digits[3...5]) != "555" && String(digits[0...2]) != "555" && String(digits) != "1234567890"
  }
}
