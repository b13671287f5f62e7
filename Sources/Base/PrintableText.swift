// Text out of a hostile file: fit for one line of a message, and whether it may name a file.

extension String {
  /// Without anything that ends the line or moves a terminal's cursor, and cut after about `longest` bytes.
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

  /// Whether it names a file of its own folder, without a way out: it may come from anywhere.
  package var staysInFolder: Bool {
    !["", ".", ".."].contains(self)
      && !utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
  }
}
