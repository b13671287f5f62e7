// Replaces parts of texts code point by code point, as Python does: Swift's own takes letters with their marks as one.
import Foundation

enum LiteralText {
  static func replacing(_ part: String, in text: String, by other: String) -> String {
    text.replacingOccurrences(of: part, with: other, options: .literal)
  }
}
