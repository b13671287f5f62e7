// A database in one file: SQLite, by GRDB. This module is built for library evolution and imports GRDB for itself alone, so
// that no other module sees GRDB's operators: they take long to type-check, and make SQL of texts that are joined.
internal import GRDB

/// What SQLite could not do.
package struct DatabaseFailure: Error {
  /// SQLite's primary result code; 0 for a value of another kind than is asked for.
  package let code: Int32
  package let reason: String

  init(_ error: DatabaseError) {
    code = error.resultCode.primaryResultCode.rawValue
    reason = error.message ?? "SQLite's error \(error.extendedResultCode.rawValue)"
  }
  init(_ error: RowDecodingError) { (code, reason) = (0, "it holds values of other kinds") }
}

package final class DatabaseFile {
  private let queue: DatabaseQueue

  /// Opens a file, or makes it.
  /// - Parameter patience: seconds that a reader waits for a writer to finish, and the other way round.
  package init(_ path: String, patience: Double) throws {
    var settings = Configuration()
    settings.busyMode = .timeout(patience)
    settings.prepareDatabase { db in
      // What is committed is on the disk, and a file that anybody may have written is not trusted.
      try db.execute(
        sql: "PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF")
    }
    queue = try told { try DatabaseQueue(path: path, configuration: settings) }
  }

  /// Reads in one transaction.
  /// - Throws: `DatabaseFailure`, and what `body` throws.
  package func read<T>(_ body: (DatabaseAccess) throws -> T) throws -> T {
    try told { try queue.read { try body(DatabaseAccess($0)) } }
  }

  /// Writes in one transaction, which the disk holds when this returns.
  package func write<T>(_ body: (DatabaseAccess) throws -> T) throws -> T {
    try told { try queue.write { try body(DatabaseAccess($0)) } }
  }
}

/// Runs what GRDB does.
private func told<T>(_ body: () throws -> T) throws -> T {
  do { return try body() } catch let error as DatabaseError {
    throw DatabaseFailure(error)
  } catch let error as RowDecodingError { throw DatabaseFailure(error) }
}
