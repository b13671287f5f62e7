// Changes an index, on the first rank. Vectors go into new files, which nobody reads until a transaction of the database
// names them together with their passages. A writer that is killed leaves files that the next one removes.
import Base
import Databases
import Foundation

package final class IndexWriter {
  package let folder: String
  private let database: IndexDatabase
  /// Held as long as this value lives.
  private let lock: OutputLock
  package private(set) var facts: IndexFacts
  /// Documents whose vectors are on the disk, and the numbers that their chunks begin with.
  private var staged: [(documents: [ChunkedPassage], first: Int64, part: Int)] = []
  private var nextChunk: Int64
  private var nextPart: Int
  /// Files that later changes have left; more are put together.
  private static let mostParts = 16

  private static let words = OutputLock.Words(holder: "another writer", hint: "give another index")

  /// Opens an index that is there.
  /// - Parameter host: this host's name, to tell others.
  package convenience init(opening folder: String, host: String) throws {
    // Before anything is made.
    _ = try IndexDatabase(folder).completeFacts()
    try self.init(folder, host: host) { try $0.completeFacts() }
  }

  /// Begins a build, or goes on with one that was killed.
  /// - Throws: if there is a complete index, or one that is built of something else.
  package convenience init(building folder: String, _ facts: IndexFacts, host: String) throws {
    try self.init(folder, host: host) { database in
      if let found = try? database.facts() {
        guard found.state == .building else {
          throw UserError(
            .usage, "\(folder) is an index already", at: "--output",
            hint: "swiftdp index add and update change it; or give another name")
        }
        var wanted = facts
        (wanted.done, wanted.generation) = (found.done, found.generation)
        wanted.encoder = found.encoder
        guard found == wanted else {
          throw UserError(
            .usage, "\(folder) is the beginning of a build of other passages, or with other options",
            at: "--output",
            hint: "run the same command again to go on, or remove \(folder)")
        }
        return found
      }
      try database.write { try database.set(facts, $0) }
      return facts
    }
  }

  private init(_ folder: String, host: String, _ begin: (IndexDatabase) throws -> IndexFacts) throws {
    self.folder = folder
    let isNew = !FileManager.default.fileExists(atPath: folder)
    try makeFolders(folder)
    // A folder of something else stays as it is.
    if UserError.noFile("\(folder)/\(IndexDatabase.name)") != nil,
      let other = try names(inFolder: folder).first(where: { $0 != "lock" })
    {
      throw UserError(
        .usage, "\(folder) is a folder of something else: it holds \(other)", at: "--output",
        hint: "give another name")
    }
    lock = try OutputLock(output: folder, host: host, words: Self.words)
    try lock.begin()
    do {
      let opened = try IndexDatabase(folder, creating: true)
      database = opened
      facts = try begin(opened)
      (nextChunk, nextPart) = try opened.read {
        (try opened.next("chunks", $0), Int(try opened.next("parts", $0)))
      }
    } catch {
      if isNew { try? removeTree(folder) }
      throw error
    }
    try removeStale()
  }

  /// Removes files that no part names.
  private func removeStale() throws {
    let known = Set(try database.read { try database.parts($0) }.map { VectorPart.stem($0) + ".safetensors" })
    for name in try names(inFolder: folder)
    where name.hasPrefix("vectors-") && name.hasSuffix(".safetensors") && !known.contains(name) {
      unlink("\(folder)/\(name)")
    }
  }

  /// What is there of the documents with these ids: their hashes.
  package func hashes(of ids: [String]) throws -> [String: String] { try database.hashes(of: ids) }

  /// Writes the vectors of some documents, which nobody sees before `commit`.
  /// - Parameter vectors: of their chunks, one behind the other, [n, width].
  package func stage(_ documents: [ChunkedPassage], vectors: [Float]) throws {
    let chunks = documents.reduce(0) { $0 + $1.chunks.count }
    let numbers = (0..<chunks).map { nextChunk + Int64($0) }
    try VectorPart.write(
      folder, number: nextPart, numbers: numbers, vectors: vectors, width: facts.width, type: facts.type)
    staged.append((documents, nextChunk, nextPart))
    nextChunk += Int64(chunks)
    nextPart += 1
  }

  /// Makes what was staged a part of the index, in one step for all readers.
  /// - Parameters:
  ///   - ids: documents that are taken out; staged ones of these ids take their places.
  ///   - change: what becomes of the facts.
  package func commit(removing ids: [String] = [], _ change: (inout IndexFacts) -> Void = { _ in }) throws {
    var changed = facts
    changed.generation += 1
    change(&changed)
    do {
      try database.write { db in
        for id in ids { try database.remove(id, db) }
        for (documents, first, part) in staged {
          var next = first
          for document in documents {
            try database.insert(document, first: next, db)
            next += Int64(document.chunks.count)
          }
          try db.execute(
            "INSERT INTO parts(number, rows) VALUES (?, ?)", [.integer(part), .integer(next - first)])
        }
        try database.set(changed, db)
      }
    } catch {
      forget()
      throw error
    }
    facts = changed
    staged = []
  }

  /// Removes what was staged.
  package func forget() {
    for (_, _, part) in staged { unlink("\(folder)/\(VectorPart.stem(part)).safetensors") }
    staged = []
  }

  /// Puts the files of vectors together where there are many, or where most of what they hold is gone.
  package func tidy() throws {
    let counts = try database.counts()
    guard counts.parts > Self.mostParts || counts.removed > max(counts.chunks, 1000) else { return }
    let (parts, files) = try openParts()
    let lists = parts.compactMap { $0.clusters?.count }.max()
    let clusters = try lists.map { try VectorLists(parts, lists: $0) }
    try replaceAll(files, parts, clusters?.order ?? Self.live(parts), clusters?.clusters)
  }

  /// Sorts all vectors into lists around centroids, for approximate search.
  /// - Parameters:
  ///   - lists: how many; nil for as many as suit the number of chunks.
  ///   - recall: the share of the nearest vectors that a search should find.
  package func cluster(lists: Int?, recall: Double?, threads: Int) throws -> VectorClusters {
    let (parts, files) = try openParts()
    guard !parts.isEmpty else { throw UserError(.usage, "holds no passages to sort", at: folder) }
    let made = try VectorLists(
      parts, lists: lists ?? VectorLists.usual(Self.live(parts).count),
      recall: recall ?? VectorLists.usualRecall,
      threads: threads)
    try replaceAll(files, parts, made.order, made.clusters)
    return made.clusters
  }

  private func openParts() throws -> ([VectorPart], [Int]) {
    let (files, removed) = try database.read { db in
      (try database.parts(db), Set(try db.integers("SELECT chunk FROM removed")))
    }
    let parts = try files.map { try VectorPart(folder, number: $0, width: facts.width, type: facts.type) }
    if !removed.isEmpty { for part in parts { part.keep { !removed.contains($0) } } }
    return (parts, files)
  }

  /// The rows of chunks that are there, as they lie.
  private static func live(_ parts: [VectorPart]) -> [VectorPart.Place] {
    parts.enumerated().flatMap { number, part in
      part.numbers.indices.compactMap {
        part.numbers[$0] == 0 ? nil : VectorPart.Place(part: number, row: $0)
      }
    }
  }

  private func replaceAll(
    _ files: [Int], _ parts: [VectorPart], _ order: [VectorPart.Place], _ clusters: VectorClusters?
  ) throws {
    guard !parts.isEmpty else { return }
    try VectorPart.write(folder, number: nextPart, order, of: parts, clusters: clusters)
    var changed = facts
    changed.generation += 1
    do {
      try database.write { db in
        try db.execute("DELETE FROM parts; DELETE FROM removed")
        try db.execute(
          "INSERT INTO parts(number, rows) VALUES (?, ?)", [.integer(nextPart), .integer(order.count)])
        try database.set(changed, db)
      }
    } catch {
      unlink("\(folder)/\(VectorPart.stem(nextPart)).safetensors")
      throw error
    }
    facts = changed
    nextPart += 1
    // Readers that have them open keep them.
    for file in files { unlink("\(folder)/\(VectorPart.stem(file)).safetensors") }
  }
}
