// The SQLite file of an index: passages, their metadata and chunks, the words of the chunks (FTS5), and which files of
// vectors belong to it. What one transaction changes, readers see at once or not at all.
//
// It has a rollback journal and no write-ahead log: that needs memory which all readers share, and these may be ranks on
// several hosts over a network file system. Readers are short, so that a writer need not wait for long.
import Base
import Foundation
internal import GRDB

package final class IndexDatabase {
  package static let name = "index.sqlite"
  package let folder: String
  let path: String
  private let queue: DatabaseQueue
  /// Seconds that a reader waits for a writer to finish, and the other way round.
  private static let patience = 60.0

  /// Opens the database of an index.
  /// - Parameter creating: whether it is made if it is not there.
  /// - Throws: if there is none, or it cannot be read.
  package init(_ folder: String, creating: Bool = false) throws {
    self.folder = folder
    path = "\(folder)/\(Self.name)"
    if !creating {
      if let missing = UserError.noModelFolder(folder, at: "--index") {
        throw UserError(.usage, missing.what, at: missing.place, hint: "swiftdp index build makes one")
      }
      guard UserError.noFile(path) == nil else {
        throw UserError(
          .usage, "is no index: it holds no \(Self.name)", at: folder, hint: "swiftdp index build makes one")
      }
    }
    var settings = Configuration()
    settings.busyMode = .timeout(Self.patience)
    settings.prepareDatabase { db in
      try db.execute(
        sql: "PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF")
    }
    do { queue = try DatabaseQueue(path: path, configuration: settings) } catch {
      throw Self.told(error, path)
    }
    if creating {
      try write { db in
        if try !db.tableExists("facts") { try db.execute(sql: Self.schema) }
      }
    }
  }

  /// `AUTOINCREMENT`: a number is never given twice, so that one which a reader has kept names the same chunk or none.
  private static let schema = """
    CREATE TABLE facts (only INTEGER PRIMARY KEY CHECK (only = 1), json TEXT NOT NULL);
    CREATE TABLE documents (
      number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, metadata TEXT NOT NULL);
    CREATE TABLE chunks (
      number INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents(number),
      chunk INTEGER NOT NULL, start INTEGER NOT NULL, text TEXT NOT NULL);
    CREATE INDEX chunks_of_documents ON chunks(document);
    CREATE TABLE parts (number INTEGER PRIMARY KEY AUTOINCREMENT, rows INTEGER NOT NULL);
    CREATE TABLE removed (chunk INTEGER PRIMARY KEY);
    CREATE VIRTUAL TABLE lexical USING fts5(text, content='chunks', content_rowid='number', tokenize='unicode61');
    """

  /// Reads in one transaction.
  func read<T>(_ body: (Database) throws -> T) throws -> T {
    do { return try queue.read(body) } catch { throw Self.told(error, path) }
  }

  /// Writes in one transaction, which the disk holds when this returns.
  func write<T>(_ body: (Database) throws -> T) throws -> T {
    do { return try queue.write(body) } catch { throw Self.told(error, path) }
  }

  /// An error of SQLite in one line.
  private static func told(_ error: any Error, _ path: String) -> any Error {
    if error is RowDecodingError {
      return UserError(
        .data, "is a damaged index: it holds values of other kinds", at: path, hint: "build it anew")
    }
    guard let error = error as? DatabaseError else { return error }
    let reason = error.message ?? "SQLite's error \(error.resultCode.rawValue)"
    switch error.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return UserError(
        .tryAgain, "another program is writing to it", at: path, hint: "start again once it is done")
    case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
      return UserError(.disk, "cannot be read or written: \(reason)", at: path, hint: "is the disk full?")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ERROR:
      return UserError(.data, "is a damaged index: \(reason)", at: path, hint: "build it anew")
    default: return UserError(.data, "cannot be used: \(reason)", at: path)
    }
  }

  /// - Throws: if there are none, as after a build that was killed before it began, or they are damaged.
  package func facts() throws -> IndexFacts {
    try read { try facts($0) }
  }

  func facts(_ db: Database) throws -> IndexFacts {
    guard try db.tableExists("facts"),
      let text = try String.fetchOne(db, sql: "SELECT json FROM facts"), let json = try? JSON.parse(text)
    else {
      throw UserError(.data, "holds no index yet", at: folder, hint: "run swiftdp index build again")
    }
    return try IndexFacts(json, at: folder)
  }

  /// - Throws: `UserError` if no build has come to its end.
  package func completeFacts() throws -> IndexFacts {
    let facts = try facts()
    try checkIsComplete(facts)
    return facts
  }

  func checkIsComplete(_ facts: IndexFacts) throws {
    guard facts.state == .complete else {
      throw UserError(
        .tryAgain, "is not complete: \(counted(facts.done, "passage")) of its build are there", at: folder,
        hint: "run the same swiftdp index build again, and it goes on")
    }
  }

  func set(_ facts: IndexFacts, _ db: Database) throws {
    try db.execute(
      sql: "INSERT INTO facts(only, json) VALUES (1, ?) ON CONFLICT(only) DO UPDATE SET json = excluded.json",
      arguments: [facts.json.encoded()])
  }
}
