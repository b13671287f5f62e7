// Keys, tokens and passwords that stand in texts: a model may learn them by heart, and tell them.
import Base

final class Secrets: Check {
  static let name = "secrets"
  static let readsTexts = true
  private var tally = Tally()

  init?(_ facts: InspectionFacts) {}

  func look(at row: InspectedRow) {
    guard row.example != nil else { return }
    let found = row.texts.lazy.compactMap { text in
      Self.ranges(in: text.bytes).first.map { (text.bytes, $0) }
    }.first
    tally.count(row, has: found != nil) { found.map { Excerpt.text($0.0, around: $0.1) } ?? "" }
  }

  func findings() -> [Finding] {
    tally.finding(
      Self.self, .warning, "rows with what looks like a key, a token or a password",
      advice: "revoke what is real, and take the rows out or replace the secrets (data prepare, filter)")
  }
}

extension Secrets {
  /// A kind of key that is known by how it begins.
  private struct Kind: Sendable {
    let prefix: StaticString
    /// How many bytes may follow.
    let lengths: ClosedRange<Int>
    let isByte: @Sendable (UInt8) -> Bool
  }

  private static let kinds: [Kind] = {
    let word: @Sendable (UInt8) -> Bool = { $0.isAlphanumeric }
    let key: @Sendable (UInt8) -> Bool = { $0.isKeyByte }
    let upper: @Sendable (UInt8) -> Bool = { $0.isDigit || $0 >= 0x41 && $0 <= 0x5A }
    return [
      Kind(prefix: "AKIA", lengths: 16...16, isByte: upper),
      Kind(prefix: "ASIA", lengths: 16...16, isByte: upper),
      Kind(prefix: "AIza", lengths: 35...35, isByte: key),
      Kind(prefix: "ghp_", lengths: 36...36, isByte: word),
      Kind(prefix: "gho_", lengths: 36...36, isByte: word),
      Kind(prefix: "ghu_", lengths: 36...36, isByte: word),
      Kind(prefix: "ghs_", lengths: 36...36, isByte: word),
      Kind(prefix: "ghr_", lengths: 36...36, isByte: word),
      Kind(prefix: "github_pat_", lengths: 40...100, isByte: key),
      Kind(prefix: "glpat-", lengths: 20...40, isByte: key),
      Kind(prefix: "xoxb-", lengths: 20...120, isByte: key),
      Kind(prefix: "xoxp-", lengths: 20...120, isByte: key),
      Kind(prefix: "sk-", lengths: 32...200, isByte: key),
      Kind(prefix: "sk_live_", lengths: 16...120, isByte: word),
      Kind(prefix: "hf_", lengths: 30...60, isByte: word),
      Kind(prefix: "npm_", lengths: 36...36, isByte: word),
    ]
  }()

  /// The bytes that kinds begin with, and those of other forms.
  private static let firstBytes: [Bool] = {
    var first = [Bool](repeating: false, count: 256)
    for kind in kinds { first[Int(kind.prefix.utf8Start[0])] = true }
    for byte in "-e:=".utf8 { first[Int(byte)] = true }
    return first
  }()

  /// Where such texts stand, in order and apart from each other.
  static func ranges(in text: [UInt8]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var at = 0
    while at < text.count {
      guard firstBytes[Int(text[at])], let range = range(in: text, at: at) else {
        at += 1
        continue
      }
      if let last = ranges.last, last.upperBound > range.lowerBound {
        ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        ranges.append(range)
      }
      at = max(at + 1, range.upperBound)
    }
    return ranges
  }

  private static func range(in text: [UInt8], at place: Int) -> Range<Int>? {
    switch text[place] {
    case UInt8(ascii: "-"): return privateKey(text, place)
    case UInt8(ascii: ":"): return password(inURL: text, place) ?? assigned(text, place)
    case UInt8(ascii: "="): return assigned(text, place)
    case UInt8(ascii: "e"): return webToken(text, place)
    default: break
    }
    guard !text.isKind(at: place - 1, \.isKeyByte) else { return nil }
    for kind in kinds where text.has(kind.prefix, at: place) {
      let rest = text.run(from: place + kind.prefix.utf8CodeUnitCount, kind.isByte)
      if kind.lengths.contains(rest.count), isRandom(text[rest]) { return place..<rest.upperBound }
    }
    return nil
  }

  /// Whether a text is none that a person would write: digits among letters, and few letters that come again and again.
  private static func isRandom(_ bytes: ArraySlice<UInt8>) -> Bool {
    let different = Set(bytes).count
    return bytes.contains(where: \.isDigit) && bytes.contains(where: \.isLetter)
      && different * 3 >= min(bytes.count, 30)
  }

  private static func privateKey(_ text: [UInt8], _ place: Int) -> Range<Int>? {
    guard text.has("-----BEGIN ", at: place), !text.isKind(at: place - 1, { $0 == UInt8(ascii: "-") }) else {
      return nil
    }
    let name = text.run(from: place + 11) { $0 == 0x20 || $0 >= 0x41 && $0 <= 0x5A }
    guard text.has("-----", at: name.upperBound), text[name].suffix(11).elementsEqual("PRIVATE KEY".utf8)
    else {
      return nil
    }
    // What follows is the key; a heading alone is in many documents.
    let body = text.run(from: name.upperBound + 5) { $0.isAlphanumeric || "+/=\n\r\\ ".utf8.contains($0) }
    return body.count >= 64 ? place..<body.upperBound : nil
  }

  /// `eyJ….….…` of RFC 7519.
  private static func webToken(_ text: [UInt8], _ place: Int) -> Range<Int>? {
    guard text.has("eyJ", at: place), !text.isKind(at: place - 1, \.isKeyByte) else { return nil }
    var end = place
    for part in 0..<3 {
      let run = text.run(from: end, \.isKeyByte)
      guard run.count >= 10, part == 2 || text.isKind(at: run.upperBound, { $0 == UInt8(ascii: ".") }) else {
        return nil
      }
      end = run.upperBound + (part == 2 ? 0 : 1)
    }
    return place..<end
  }

  /// `scheme://user:password@host`, with the place of the first colon.
  private static func password(inURL text: [UInt8], _ place: Int) -> Range<Int>? {
    guard text.has("://", at: place), text.isKind(at: place - 1, \.isLetter) else { return nil }
    let user = text.run(from: place + 3) { $0.isKeyByte || $0 == UInt8(ascii: ".") }
    guard !user.isEmpty, text.isKind(at: user.upperBound, { $0 == UInt8(ascii: ":") }) else { return nil }
    let password = text.run(from: user.upperBound + 1) {
      $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\"")
    }
    guard password.count >= 4, text.isKind(at: password.upperBound, { $0 == UInt8(ascii: "@") }),
      !isStandIn(text[password])
    else { return nil }
    return password
  }

  /// What documents write in the place of a secret.
  private static func isStandIn(_ bytes: ArraySlice<UInt8>) -> Bool {
    if let first = bytes.first, "<{$%*[(".utf8.contains(first) { return true }
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    let words = [
      "pass", "pwd", "secret", "token", "example", "your", "xxx", "changeme", "1234", "test", "...",
    ]
    return words.contains { text.contains($0) }
  }

  /// `api_key: "…"` or `api_key = "…"`, with the place of the sign.
  private static func assigned(_ text: [UInt8], _ place: Int) -> Range<Int>? {
    var end = place
    while end > 0, !text[end - 1].isKeyByte, place - end < 3 { end -= 1 }
    var start = end
    while start > 0, text[start - 1].isKeyByte, end - start < 40 { start -= 1 }
    let name = String(decoding: text[start..<end], as: UTF8.self).lowercased()
    let names = [
      "password", "passwd", "secret", "api_key", "api-key", "apikey", "access_token", "auth_token",
    ]
    guard names.contains(where: { name.hasSuffix($0) }) else { return nil }
    let space = text.run(from: place + 1) { $0 == 0x20 }
    guard text.isKind(at: space.upperBound, { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }) else {
      return nil
    }
    let value = text.run(from: space.upperBound + 1) { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x27 }
    guard value.count >= 16, isRandom(text[value]), !isStandIn(text[value]) else { return nil }
    return value
  }
}
