// A part of a text in one line of a report, in which no secret is told.
import Base

enum Excerpt {
  /// Bytes before what is shown, and in all.
  private static let before = 24
  private static let longest = 90

  /// - Parameters:
  ///   - text: UTF-8.
  ///   - range: the bytes that it is about; the beginning without it.
  static func text(_ text: [UInt8], around range: Range<Int>? = nil) -> String {
    var shown = text
    for secret in Secrets.ranges(in: text) {
      // Enough is left to find it by.
      for place in secret.dropFirst(min(4, secret.count / 4)) where shown[place] != 0x0A {
        shown[place] = UInt8(ascii: "*")
      }
    }
    var start = max(0, (range?.lowerBound ?? 0) - before)
    var end = min(shown.count, max(start + longest, min(range?.upperBound ?? 0, start + 2 * longest)))
    // Characters stay whole.
    while start > 0, shown[start] & 0xC0 == 0x80 { start -= 1 }
    while end < shown.count, shown[end] & 0xC0 == 0x80 { end += 1 }
    return (start > 0 ? "…" : "") + line(shown[start..<end]) + (end < shown.count ? "…" : "")
  }

  /// Without line ends, and with other characters that nobody sees spelled out.
  private static func line(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .joined(separator: "⏎").split(separator: "\t", omittingEmptySubsequences: false)
      .joined(separator: "⇥").printable(4 * longest)
  }
}
