// How a reader may refuse a file that it cannot use.
import Base

/// A reader that went wrong without crashing.
package struct Finding: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

package enum Refusal {
  /// The most bytes of a line: places as long as paths, four bytes per character.
  static let longestLine = 25_000

  /// - Throws: `Finding` if the error is not one clear line, or several, for the user.
  package static func check(_ error: any Error) throws {
    let errors: [UserError]
    switch error {
    case let error as UserError: errors = [error]
    case let error as UserErrors: errors = error.errors
    default: throw error as? Finding ?? Finding("ends in \(type(of: error)): \(error)")
    }
    for error in errors {
      let line = error.description
      guard !line.unicodeScalars.contains(where: endsLineOrMovesCursor) else {
        throw Finding("says what a terminal obeys: \(line.debugDescription)")
      }
      guard line.utf8.count <= longestLine else { throw Finding("says \(line.utf8.count) bytes") }
      guard error.code != .software else { throw Finding("blames itself: \(line)") }
    }
  }

  private static func endsLineOrMovesCursor(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
