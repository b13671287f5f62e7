// A folder on a disk of each host. Its name may differ from host to host, as schedulers give every job a folder of its
// own there.
import Foundation

/// A path, which may begin with a variable of the environment, such as `$TMPDIR` or `${SCRATCH}/states`.
package struct LocalFolder: Sendable, Equatable {
  package let text: String

  package init(_ text: String) { self.text = text }

  /// The variable that the path begins with, and the rest of the path; nil if it begins with none.
  private var parts: (variable: String, rest: String)? {
    guard text.hasPrefix("$") else { return nil }
    let isBraced = text.hasPrefix("${")
    let body = text.dropFirst(isBraced ? 2 : 1)
    let name = body.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
    let rest = body.dropFirst(name.count)
    guard !name.isEmpty, !isBraced || rest.first == "}" else { return nil }
    return (String(name), String(isBraced ? rest.dropFirst() : rest))
  }

  /// Whether the path differs from host to host.
  package var isVariable: Bool { parts != nil }

  /// The path on this host.
  /// - Throws: `UserError` if the variable is not set here.
  package func path(at key: String) throws -> String {
    guard let (variable, rest) = parts else { return text }
    guard let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty else {
      throw UserError(
        .usage, "is \(text), and \(variable) is not set here", at: key,
        hint: "mpirun -x \(variable) passes it on to all hosts; schedulers set it on each")
    }
    return value + rest
  }
}
