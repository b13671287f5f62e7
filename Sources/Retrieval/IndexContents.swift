// What the database of an index holds: documents by their ids, chunks by their numbers.
import Base
internal import GRDB

/// A chunk that was found, as it stands in the index.
package struct StoredChunk: Equatable, Sendable {
  package let number: Int64
  /// Of its passage.
  package let id: String
  /// Its place among the chunks of the passage, from 0.
  package let chunk: Int
  /// Where it begins in the passage, in bytes.
  package let start: Int
  package let text: String
  package let metadata: JSON
}

/// How many documents and chunks there are.
package struct IndexCounts: Equatable, Sendable {
  package let documents: Int
  package let chunks: Int
  package let parts: Int
  /// Chunks whose vectors still lie in files and are not found any more.
  package let removed: Int
}

extension IndexDatabase {
  package func counts() throws -> IndexCounts {
    try read { db in
      func count(_ table: String) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0
      }
      return IndexCounts(
        documents: try count("documents"), chunks: try count("chunks"), parts: try count("parts"),
        removed: try count("removed"))
    }
  }

  /// The hash of a document; nil if there is none of that id.
  func hash(of id: String, _ db: Database) throws -> String? {
    try String.fetchOne(db, sql: "SELECT hash FROM documents WHERE id = ?", arguments: [id])
  }

  /// The documents that are there, with their hashes.
  package func hashes(of ids: [String]) throws -> [String: String] {
    try read { db in
      var found: [String: String] = [:]
      for id in ids { found[id] = try hash(of: id, db) }
      return found
    }
  }

  /// Takes a document out, with its chunks and their words. FTS5 must be told what it forgets.
  func remove(_ id: String, _ db: Database) throws {
    let chunks = "FROM chunks WHERE document = (SELECT number FROM documents WHERE id = ?)"
    for sql in [
      "INSERT INTO lexical(lexical, rowid, text) SELECT 'delete', number, text \(chunks)",
      "INSERT INTO removed(chunk) SELECT number \(chunks)", "DELETE \(chunks)",
      "DELETE FROM documents WHERE id = ?",
    ] { try db.execute(sql: sql, arguments: [id]) }
  }

  /// - Parameter first: the number of its first chunk; those of the others follow.
  func insert(_ document: ChunkedPassage, first: Int64, _ db: Database) throws {
    let passage = document.passage
    try db.execute(
      sql: "INSERT INTO documents(id, hash, metadata) VALUES (?, ?, ?)",
      arguments: [passage.id, document.hash, passage.metadataText])
    let number = db.lastInsertedRowID
    let statement = try db.cachedStatement(
      sql: "INSERT INTO chunks(number, document, chunk, start, text) VALUES (?, ?, ?, ?, ?)")
    let words = try db.cachedStatement(sql: "INSERT INTO lexical(rowid, text) VALUES (?, ?)")
    for (place, range) in document.chunks.enumerated() {
      let text = String(decoding: passage.text[range], as: UTF8.self)
      try statement.execute(arguments: [first + Int64(place), number, place, range.lowerBound, text])
      try words.execute(arguments: [first + Int64(place), text])
    }
  }

  /// The number that the next row of a table will have.
  /// - Throws: if what the index says of it is none that any index has.
  func next(_ table: String, _ db: Database) throws -> Int64 {
    let last =
      try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = ?", arguments: [table]) ?? 0
    guard (0..<Self.mostRows).contains(last) else {
      throw UserError(.data, "is a damaged index: it has \(last) \(table)", at: path, hint: "build it anew")
    }
    return last + 1
  }

  /// Numbers of rows stay far below what a double holds exactly.
  static let mostRows: Int64 = 1 << 50

  /// The numbers of the files of vectors.
  func parts(_ db: Database) throws -> [Int] {
    try Int.fetchAll(db, sql: "SELECT number FROM parts ORDER BY number")
  }

  /// Chunks by their numbers, in the order that is asked for; those that are gone are left out.
  func chunks(_ numbers: [Int64], _ db: Database) throws -> [StoredChunk] {
    let statement = try db.cachedStatement(
      sql: """
        SELECT documents.id, chunks.chunk, chunks.start, chunks.text, documents.metadata
        FROM chunks JOIN documents ON documents.number = chunks.document WHERE chunks.number = ?
        """)
    return try numbers.compactMap { number in
      guard let row = try Row.fetchOne(statement, arguments: [number]) else { return nil }
      let metadata: String = try row.decode(atIndex: 4)
      return StoredChunk(
        number: number, id: try row.decode(atIndex: 0), chunk: try row.decode(atIndex: 1),
        start: try row.decode(atIndex: 2), text: try row.decode(atIndex: 3),
        metadata: (try? JSON.parse(metadata)) ?? .object([]))
    }
  }

  /// The chunks of all documents that the filters accept; nil where there are no filters.
  func accepted(_ filters: [MetadataFilter], _ db: Database) throws -> Set<Int64>? {
    guard !filters.isEmpty else { return nil }
    var documents: Set<Int64> = []
    let rows = try Row.fetchCursor(db, sql: "SELECT number, metadata FROM documents")
    while let row = try rows.next() {
      let text: String = try row.decode(atIndex: 1)
      guard let metadata = try? JSON.parse(text), filters.allSatisfy({ $0.accepts(metadata) }) else {
        continue
      }
      documents.insert(try row.decode(atIndex: 0))
    }
    var chunks: Set<Int64> = []
    let all = try Row.fetchCursor(db, sql: "SELECT number, document FROM chunks")
    while let row = try all.next() {
      if documents.contains(try row.decode(atIndex: 1)) { chunks.insert(try row.decode(atIndex: 0)) }
    }
    return chunks
  }

  /// The best chunks by BM25 as FTS5 computes it (k1 = 1.2, b = 0.75), with its sign turned: higher is better.
  func lexical(_ query: [UInt8], count: Int, among accepted: Set<Int64>?, _ db: Database) throws
    -> [ScoredChunk]
  {
    guard let expression = LexicalQuery.expression(query) else { return [] }
    var found: [ScoredChunk] = []
    let rows = try Row.fetchCursor(
      db,
      sql: "SELECT rowid, bm25(lexical) FROM lexical WHERE lexical MATCH ? ORDER BY bm25(lexical), rowid"
        + (accepted == nil ? " LIMIT \(count)" : ""), arguments: [expression])
    while found.count < count, let row = try rows.next() {
      let number: Int64 = try row.decode(atIndex: 0)
      let score: Double = try row.decode(atIndex: 1)
      if accepted?.contains(number) ?? true { found.append(ScoredChunk(number, -score)) }
    }
    return found
  }
}
