// Text from a hostile file: made fit for one line of a message, or checked as a file name.

extension String {
  /// The text without characters that end the line or move a terminal's cursor, cut after about `longest` bytes.
  package func printable(_ longest: Int = 120) -> String {
    var out = String.UnicodeScalarView()
    var count = 0
    for scalar in unicodeScalars {
      guard count < longest else { return String(out) + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
        let escape = "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars
        out.append(contentsOf: escape)
        count += escape.count
      default:
        out.append(scalar)
        count += UTF8.width(scalar)
      }
    }
    return String(out)
  }

  /// The same between quotes.
  package var quoted: String { "\"\(printable())\"" }

  /// Whether the text names a file in the same folder, and nothing outside of it: it may come from anywhere.
  package var staysInFolder: Bool {
    !["", ".", ".."].contains(self)
      && !utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
  }
}
