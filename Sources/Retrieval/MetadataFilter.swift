// Which passages may be found: those whose metadata have a value.
import Base

package struct MetadataFilter: Equatable, Sendable {
  package let key: String
  /// As it is written: numbers and truth values are compared by what JSON writes for them.
  package let value: String

  /// - Parameter text: `key=value`.
  /// - Throws: where it is not.
  package init(_ text: String) throws(UserError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw UserError(.usage, "\(text.quoted) is no filter", at: "--filter", hint: "write key=value")
    }
    (key, value) = (String(parts[0]), String(parts[1]))
  }

  /// Whether a passage has the value, or a list with it.
  package func accepts(_ metadata: JSON) -> Bool {
    guard let found = metadata[key] else { return false }
    return (found.elements ?? [found]).contains { ($0.text ?? $0.encoded()) == value }
  }
}
