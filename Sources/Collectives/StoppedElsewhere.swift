// How all ranks learn that one of them failed, and only one tells the user.
import Base

extension Ranks {
  /// An error that this rank or another has already reported to the user.
  package struct StoppedElsewhere: Error {
    package let code: ExitCode
    package init(code: ExitCode) { self.code = code }
  }

  /// Above every exit code.
  private static let stopped = 1000

  /// Runs something that may fail on any rank. If it failed on some ranks, all ranks stop, and only the lowest of
  /// those that failed keeps the error to report.
  package func together<T>(_ body: () throws -> T) throws -> T {
    let result = Result { try body() }
    var mine = 0
    if case .failure(let error) = result {
      // A rank that was stopped by another has nothing to report.
      mine = Int(exitCode(of: error).rawValue) + (error is StoppedElsewhere ? Self.stopped : 0)
    }
    let codes = gather(mine)
    guard codes.contains(where: { $0 != 0 }) else { return try result.get() }
    let first = codes.firstIndex { $0 != 0 && $0 < Self.stopped } ?? codes.firstIndex { $0 != 0 } ?? 0
    if first == rank { return try result.get() }
    throw StoppedElsewhere(code: ExitCode(rawValue: Int32(codes[first] % Self.stopped)) ?? .software)
  }
}

/// The exit code that an error leads to.
package func exitCode(of error: any Error) -> ExitCode {
  switch error {
  case let error as UserError: error.code
  case let errors as UserErrors: errors.code
  case let stopped as Ranks.StoppedElsewhere: stopped.code
  default: .software
  }
}
