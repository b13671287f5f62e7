// A part of a text in one line of a report, in which no secret is told.
import Base

enum Excerpt {
  /// Bytes before what is shown, and in all.
  private static let before = 24
  private static let longest = 90
  /// Bytes of a private key of 4,096 bits, and more.
  private static let longestSecret = 4096

  /// - Parameters:
  ///   - text: UTF-8.
  ///   - range: the bytes that it is about, shown with some before them.
  static func text(_ text: [UInt8], around range: Range<Int>) -> String {
    self.text(text, from: max(0, range.lowerBound - before), through: range.upperBound)
  }

  /// - Parameters:
  ///   - first: the byte that it begins with.
  ///   - last: what it must hold, unless that is much.
  static func text(_ text: [UInt8], from first: Int = 0, through last: Int = 0) -> String {
    var start = min(first, text.count)
    var end = min(text.count, max(start + longest, min(last, start + 2 * longest)))
    // Characters stay whole.
    while start > 0, start < text.count, text[start] & 0xC0 == 0x80 { start -= 1 }
    while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
    // Texts may be long, and secrets are not.
    let near = max(0, start - longestSecret)..<min(text.count, end + longestSecret)
    var shown = Array(text[near])
    for secret in Secrets.ranges(in: shown) {
      // Enough is left to find it by.
      for place in secret.dropFirst(min(4, secret.count / 4)) where shown[place] != 0x0A {
        shown[place] = UInt8(ascii: "*")
      }
    }
    return (start > 0 ? "…" : "") + line(shown[start - near.lowerBound..<end - near.lowerBound])
      + (end < text.count ? "…" : "")
  }

  /// Without line ends, and with other characters that nobody sees spelled out.
  private static func line(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .joined(separator: "⏎").split(separator: "\t", omittingEmptySubsequences: false)
      .joined(separator: "⇥").printable(4 * longest)
  }
}
