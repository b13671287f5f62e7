// What the database of an index holds: documents by their ids, chunks by their numbers.
import Base
import Databases

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

  package init(number: Int64, id: String, chunk: Int, start: Int, text: String, metadata: JSON) {
    (self.number, self.id, self.chunk, self.start) = (number, id, chunk, start)
    (self.text, self.metadata) = (text, metadata)
  }
}

/// How many documents and chunks there are.
package struct IndexCounts: Equatable, Sendable {
  package let documents: Int
  package let chunks: Int
  package let parts: Int
  /// Chunks whose vectors still lie in files and are not found any more.
  package let removed: Int

  package init(documents: Int, chunks: Int, parts: Int, removed: Int) {
    (self.documents, self.chunks, self.parts, self.removed) = (documents, chunks, parts, removed)
  }
}

extension IndexDatabase {
  package func counts() throws -> IndexCounts {
    try read { db in
      func count(_ table: String) throws -> Int {
        Int(try db.integers("SELECT count(*) FROM \(table)").first ?? 0)
      }
      return IndexCounts(
        documents: try count("documents"), chunks: try count("chunks"), parts: try count("parts"),
        removed: try count("removed"))
    }
  }

  /// The hash of a document; nil if there is none of that id.
  package func hash(of id: String, _ db: DatabaseAccess) throws -> String? {
    try db.text("SELECT hash FROM documents WHERE id = ?", [.text(id)])
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
  package func remove(_ id: String, _ db: DatabaseAccess) throws {
    let chunks = "FROM chunks WHERE document = (SELECT number FROM documents WHERE id = ?)"
    for sql in [
      "INSERT INTO lexical(lexical, rowid, text) SELECT 'delete', number, text \(chunks)",
      "INSERT INTO removed(chunk) SELECT number \(chunks)", "DELETE \(chunks)",
      "DELETE FROM documents WHERE id = ?",
    ] { try db.execute(sql, [.text(id)]) }
  }

  /// - Parameter first: the number of its first chunk; those of the others follow.
  package func insert(_ document: ChunkedPassage, first: Int64, _ db: DatabaseAccess) throws {
    let passage = document.passage
    try db.execute(
      "INSERT INTO documents(id, hash, metadata) VALUES (?, ?, ?)",
      [.text(passage.id), .text(document.hash), .text(passage.metadataText)])
    let number = db.lastNumber
    for (place, range) in document.chunks.enumerated() {
      let chunk = first + Int64(place)
      let text = String(decoding: passage.text[range], as: UTF8.self)
      try db.execute(
        "INSERT INTO chunks(number, document, chunk, start, text) VALUES (?, ?, ?, ?, ?)",
        [.integer(chunk), .integer(number), .integer(place), .integer(range.lowerBound), .text(text)])
      try db.execute("INSERT INTO lexical(rowid, text) VALUES (?, ?)", [.integer(chunk), .text(text)])
    }
  }

  /// The number that the next row of a table will have.
  /// - Throws: if what the index says of it is none that any index has.
  package func next(_ table: String, _ db: DatabaseAccess) throws -> Int64 {
    let last =
      try db.integers("SELECT seq FROM sqlite_sequence WHERE name = ?", [.text(table)]).first ?? 0
    guard (0..<Self.mostRows).contains(last) else {
      throw UserError(.data, "is a damaged index: it has \(last) \(table)", at: path, hint: "build it anew")
    }
    return last + 1
  }

  /// Numbers of rows stay far below what a double holds exactly.
  package static let mostRows: Int64 = 1 << 50

  /// The numbers of the files of vectors.
  package func parts(_ db: DatabaseAccess) throws -> [Int] {
    try db.integers("SELECT number FROM parts ORDER BY number").map(Int.init)
  }

  /// Chunks by their numbers, in the order that is asked for; those that are gone are left out.
  package func chunks(_ numbers: [Int64], _ db: DatabaseAccess) throws -> [StoredChunk] {
    let sql = """
      SELECT documents.id, chunks.chunk, chunks.start, chunks.text, documents.metadata
      FROM chunks JOIN documents ON documents.number = chunks.document WHERE chunks.number = ?
      """
    var found: [StoredChunk] = []
    for number in numbers {
      try db.forEachRow(sql, [.integer(number)]) { row in
        found.append(
          StoredChunk(
            number: number, id: try row.text(0), chunk: Int(try row.integer(1)),
            start: Int(try row.integer(2)),
            text: try row.text(3), metadata: (try? JSON.parse(try row.text(4))) ?? .object([])))
        return false
      }
    }
    return found
  }

  /// The chunks of all documents that the filters accept; nil where there are no filters.
  package func accepted(_ filters: [MetadataFilter], _ db: DatabaseAccess) throws -> Set<Int64>? {
    guard !filters.isEmpty else { return nil }
    var documents: Set<Int64> = []
    try db.forEachRow("SELECT number, metadata FROM documents") { row in
      let metadata = (try? JSON.parse(try row.text(1))) ?? .null
      if filters.allSatisfy({ $0.accepts(metadata) }) { documents.insert(try row.integer(0)) }
      return true
    }
    var chunks: Set<Int64> = []
    try db.forEachRow("SELECT number, document FROM chunks") { row in
      if documents.contains(try row.integer(1)) { chunks.insert(try row.integer(0)) }
      return true
    }
    return chunks
  }

  /// The best chunks by BM25 as FTS5 computes it (k1 = 1.2, b = 0.75), with its sign turned: higher is better.
  package func lexical(_ query: [UInt8], count: Int, among accepted: Set<Int64>?, _ db: DatabaseAccess) throws
    -> [ScoredChunk]
  {
    guard let expression = LexicalQuery.expression(query) else { return [] }
    var found: [ScoredChunk] = []
    try db.forEachRow(
      "SELECT rowid, bm25(lexical) FROM lexical WHERE lexical MATCH ? ORDER BY bm25(lexical), rowid"
        + (accepted == nil ? " LIMIT \(count)" : ""), [.text(expression)]
    ) { row in
      let number = try row.integer(0)
      if accepted?.contains(number) ?? true { found.append(ScoredChunk(number, -(try row.number(1)))) }
      return found.count < count
    }
    return found
  }
}
