// How many aliases a YAML text may have. The parser expands those of keys to compare them, before any value is counted:
// each alias can triple the work.

package enum YAMLAliases {
  private static let most = 24

  /// - Throws: where a text has more.
  package static func check(_ text: String, file: String) throws {
    guard count(in: text) <= most else {
      throw UserError(.usage, "has more than \(most) aliases", at: file)
    }
  }

  /// The most aliases that the text can have: asterisks that begin a word.
  private static func count(in text: String) -> Int {
    var count = 0
    var before = UInt8(ascii: " ")
    var isStar = false
    for byte in text.utf8 {
      if isStar, byte > UInt8(ascii: " ") { count += 1 }
      isStar = byte == UInt8(ascii: "*") && " \t\r\n[]{},:?-\u{2028}\u{85}".utf8.contains(before)
      before = byte
    }
    return count
  }
}
