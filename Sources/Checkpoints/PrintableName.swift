// A name out of a hostile file: whether it may name a file, and fit for one line of a message.

extension String {
  /// Without anything that ends the line or moves a terminal's cursor, and not longer than a line.
  var printable: String {
    var out = ""
    for scalar in unicodeScalars.prefix(120) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
        out += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return unicodeScalars.count > 120 ? out + "…" : out
  }

  /// The same between quotes.
  var quoted: String { "\"\(printable)\"" }

  /// Whether it names a file of its own folder, without a way out: it may come from anywhere.
  var staysInFolder: Bool {
    !["", ".", ".."].contains(self)
      && !utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
  }
}
