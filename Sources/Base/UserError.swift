// A mistake or misfortune of the user, told in one clear line: what, where, what to try.

/// The exit codes of `sysexits.h` that swiftdp uses.
package enum ExitCode: Int32, Sendable {
  /// A wrong command line or configuration.
  case usage = 64
  /// Data or a model that cannot be used.
  case data = 65
  /// A bug in swiftdp.
  case software = 70
  /// A disk that is full, read-only or gone.
  case disk = 74
  /// Nothing is wrong; start again to go on.
  case tryAgain = 75
}

/// What went wrong, where, and what to try, in one line.
package struct UserError: Error, Equatable, CustomStringConvertible {
  package var code: ExitCode
  package var what: String
  package var place: String
  package var hint: String

  package init(_ code: ExitCode, _ what: String, at place: String = "", hint: String = "") {
    self.code = code
    self.what = what
    self.place = place
    self.hint = hint
  }

  /// One line, whatever a quoted file holds. A place may be as long as a path.
  package var description: String {
    (place.isEmpty ? "" : place.printable(4200) + ": ") + what.printable(1000)
      + (hint.isEmpty ? "" : " (" + hint.printable(1000) + ")")
  }
}

/// Several mistakes reported at once, so that the user can fix them in one go. Never empty.
package struct UserErrors: Error, CustomStringConvertible {
  package var errors: [UserError]

  package init(_ errors: [UserError]) {
    precondition(!errors.isEmpty, "an error without a message")
    self.errors = errors
  }

  package var code: ExitCode { errors[0].code }
  package var description: String { errors.map(\.description).joined(separator: "\n") }
}
