// Small damages as fuzzers make them, drawn from a stream, so that a seed reproduces them.
import Base

struct Mutation {
  private var stream: PhiloxStream
  /// Sizes at the edges of what fits, deep nesting, and bytes that are not UTF-8 or not text.
  private static let splices: [[UInt8]] =
    [
      "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1152921504606846976",
      "4294967296",
      "-1", "0", "1e308", "1e999", "0.5", "null", "true", "\"\"", "[]", "{}", "{", "[", "]", "}", ",", ":",
      "\"", "\\", "\\u0000", "\\ud800", "\\u001b[2J", "\n", "\r", "../", "/etc/passwd", "&a ", "*a ",
      "!!binary ",
      "\u{2028}", "\u{202e}", "\u{85}", "e\u{301}", String(repeating: "[", count: 300),
      String(repeating: "{\"a\":", count: 300), String(repeating: "- ", count: 1500),
    ].map { Array($0.utf8) } + [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0], [0xEF, 0xBB, 0xBF]]

  init(seed: UInt64) { stream = PhiloxStream(seed: seed, stream: 1) }

  /// One of the files with one to four damages.
  mutating func next(of files: [[UInt8]]) -> [UInt8] {
    var bytes = files[stream.below(files.count)]
    for _ in 0...stream.below(4) { damage(&bytes, files) }
    return bytes
  }

  private mutating func damage(_ bytes: inout [UInt8], _ files: [[UInt8]]) {
    let at = stream.below(bytes.count + 1)
    let end = min(bytes.count, at + stream.below(stream.below(8) == 0 ? bytes.count + 1 : 12))
    switch stream.below(6) {
    case 0 where at < bytes.count: bytes[at] ^= 1 << UInt8(stream.below(8))
    case 1 where at < bytes.count: bytes[at] = UInt8(stream.below(256))
    case 2: bytes.removeSubrange(at..<end)
    case 3: bytes.insert(contentsOf: Array(bytes[at..<end]), at: stream.below(bytes.count + 1))
    case 4:
      let other = files[stream.below(files.count)]
      let from = stream.below(other.count + 1)
      bytes.replaceSubrange(at..<end, with: other[from..<min(other.count, from + stream.below(200))])
    default: bytes.replaceSubrange(at..<end, with: Self.splices[stream.below(Self.splices.count)])
    }
  }
}
