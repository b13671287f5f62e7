// Text out of a hostile file, fit for one line of a message.

extension String {
  /// Without anything that ends the line or moves a terminal's cursor, and not longer than `longest`
  /// characters (code points).
  package func printable(_ longest: Int = 120) -> String {
    var out = String.UnicodeScalarView()
    var count = 0
    for scalar in unicodeScalars {
      guard count < longest else { return String(out) + "…" }
      count += 1
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
        out.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
      default: out.append(scalar)
      }
    }
    return String(out)
  }

  /// A name of such a text between quotes.
  package var quoted: String { "\"\(printable())\"" }
}
