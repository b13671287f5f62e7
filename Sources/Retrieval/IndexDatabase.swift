// The SQLite file of an index: passages, their metadata and chunks, the words of the chunks (FTS5), and which files of
// vectors belong to it. What one transaction changes, readers see at once or not at all.
//
// It has a rollback journal and no write-ahead log: that needs memory which all readers share, and these may be ranks on
// several hosts over a network file system. Readers are short, so that a writer need not wait for long.
import Base
import Databases

package final class IndexDatabase {
  package static let name = "index.sqlite"
  package let folder: String
  package let path: String
  private let file: DatabaseFile
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
    do { file = try DatabaseFile(path, patience: Self.patience) } catch { throw Self.told(error, path) }
    if !creating { try refuseViews() }
    if creating {
      try write { db in
        if try !db.hasTable("facts") { try db.execute(Self.schema) }
      }
    }
  }

  /// An index has tables alone. A view or a trigger could compute for ever under the name of one.
  private func refuseViews() throws {
    let sql = "SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger')"
    guard let name = try read({ try $0.text(sql) }) else { return }
    throw UserError(
      .data, "is a damaged index: it has \(name.quoted), which is no table", at: path, hint: "build it anew")
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
  package func read<T>(_ body: (DatabaseAccess) throws -> T) throws -> T {
    do { return try file.read(body) } catch { throw Self.told(error, path) }
  }

  /// Writes in one transaction, which the disk holds when this returns.
  package func write<T>(_ body: (DatabaseAccess) throws -> T) throws -> T {
    do { return try file.write(body) } catch { throw Self.told(error, path) }
  }

  /// An error of SQLite in one line (https://sqlite.org/rescode.html).
  private static func told(_ error: any Error, _ path: String) -> any Error {
    guard let failure = error as? DatabaseFailure else { return error }
    switch failure.code {
    // BUSY, LOCKED
    case 5, 6:
      return UserError(
        .tryAgain, "another program is writing to it", at: path, hint: "start again once it is done")
    // PERM, READONLY, IOERR, FULL, CANTOPEN
    case 3, 8, 10, 13, 14:
      return UserError(
        .disk, "cannot be read or written: \(failure.reason)", at: path, hint: "is the disk full?")
    default:
      return UserError(.data, "is a damaged index: \(failure.reason)", at: path, hint: "build it anew")
    }
  }

  /// - Throws: if there are none, as after a build that was killed before it began, or they are damaged.
  package func facts() throws -> IndexFacts {
    try read { try facts($0) }
  }

  package func facts(_ db: DatabaseAccess) throws -> IndexFacts {
    guard try db.hasTable("facts"),
      let text = try db.text("SELECT json FROM facts"), let json = try? JSON.parse(text)
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

  package func checkIsComplete(_ facts: IndexFacts) throws {
    guard facts.state == .complete else {
      throw UserError(
        .tryAgain, "is not complete: \(counted(facts.done, "passage")) of its build are there", at: folder,
        hint: "run the same swiftdp index build again, and it goes on")
    }
  }

  package func set(_ facts: IndexFacts, _ db: DatabaseAccess) throws {
    try db.execute(
      "INSERT INTO facts(only, json) VALUES (1, ?) ON CONFLICT(only) DO UPDATE SET json = excluded.json",
      [.text(facts.json.encoded())])
  }
}
