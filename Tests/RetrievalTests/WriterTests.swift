// What a writer leaves: all of a change or nothing, and files that belong to it.
import Base
import Datasets
import Foundation
import Retrieval
import Testing

@Suite struct WriterTests {
  private let folder = FileManager.default.temporaryDirectory.path + "/swiftdp-index-" + UUID().uuidString

  private func facts(_ type: IndexFacts.VectorType = .float32) -> IndexFacts {
    var facts = IndexFacts(
      encoder: "/encoder", fingerprint: "f", width: 4, type: type, chunkTokens: 8, specialTokens: 2,
      overlap: 1)
    facts.source = "s"
    return facts
  }

  private func passages(_ rows: [(id: String, text: String)]) throws -> [ChunkedPassage] {
    let path = folder + "-rows.jsonl"
    let lines = rows.map {
      JSON.object(["id": .string($0.id), "text": .string($0.text), "n": .integer(1)]).encoded()
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    var read: [ChunkedPassage] = []
    try PassageFiles([path]).read { read.append(ChunkedPassage($0, chunks: [0..<$0.text.count])) }
    return read
  }

  private func vectors(_ count: Int, _ first: Float) -> [Float] {
    (0..<count).flatMap { [first + Float($0), 0, 0.5, 0] }
  }

  /// A complete index of two passages.
  private func made(_ type: IndexFacts.VectorType = .float32) throws -> IndexWriter {
    let writer = try IndexWriter(building: folder, facts(type), host: "here")
    try writer.stage(passages([("a", "first text"), ("b", "second text")]), vectors: vectors(2, 1))
    try writer.commit { ($0.state, $0.done) = (.complete, 2) }
    return writer
  }

  private func texts(_ word: String) throws -> [String] {
    let database = try IndexDatabase(folder)
    return try database.read { db in
      let found = try database.lexical(Array(word.utf8), count: 10, among: nil, db)
      return try database.chunks(found.map(\.number), db).map { "\($0.id): \($0.text)" }
    }
  }

  private func parts() throws -> [VectorPart] {
    let database = try IndexDatabase(folder)
    let facts = try database.facts()
    return try database.read { try database.parts($0) }.map {
      try VectorPart(folder, number: $0, width: facts.width, type: facts.type)
    }
  }

  @Test(arguments: IndexFacts.VectorType.allCases) func anUpdateTakesThePlaceOfWhatWasThere(
    _ type: IndexFacts.VectorType
  ) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try made(type)
    try writer.stage(passages([("a", "another text")]), vectors: vectors(1, 7))
    // Nobody sees it yet.
    #expect(try texts("text").sorted() == ["a: first text", "b: second text"])
    try writer.commit(removing: ["a"])
    #expect(try texts("text").sorted() == ["a: another text", "b: second text"])
    #expect(try texts("first").isEmpty)
    let parts = try parts()
    #expect(parts.map(\.rows) == [2, 1] && parts[1].numbers == [3])
    var row: [Float] = [0, 0, 0, 0]
    try parts[1].withRows { rows in
      row.withUnsafeMutableBufferPointer { rows.copy(row: 0, into: $0.baseAddress!) }
    }
    #expect(abs(row[0] - 7) < 1e-4 && abs(row[2] - 0.5) < 0.03)
    let counts = try IndexDatabase(folder).counts()
    #expect(counts == IndexCounts(documents: 2, chunks: 2, parts: 2, removed: 1))
  }

  /// What a writer that was killed has left is nobody's, and the next one removes it.
  @Test func whatWasNotCommittedIsRemoved() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    do {
      let writer = try made()
      try writer.stage(passages([("c", "third text")]), vectors: vectors(1, 3))
    }
    func files() throws -> [String] {
      try names(inFolder: folder).filter { $0.hasSuffix(".safetensors") }.sorted()
    }
    #expect(try files() == ["vectors-000001.safetensors", "vectors-000002.safetensors"])
    let writer = try IndexWriter(opening: folder, host: "here")
    #expect(try files() == ["vectors-000001.safetensors"])
    #expect(try texts("third").isEmpty)
    withExtendedLifetime(writer) {}
  }

  @Test func aSecondWriterIsRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try made()
    let error = #expect(throws: UserError.self) { _ = try IndexWriter(opening: folder, host: "there") }
    #expect(
      error?.code == .tryAgain && error?.what.hasPrefix("another writer writes to it: process ") == true)
    withExtendedLifetime(writer) {}
  }

  @Test func abuildThatIsNotCompleteIsNotRead() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    do {
      let writer = try IndexWriter(building: folder, facts(), host: "here")
      try writer.stage(passages([("a", "first text")]), vectors: vectors(1, 1))
      try writer.commit { $0.done = 1 }
    }
    #expect(throws: UserError.self) { _ = try IndexDatabase(folder).completeFacts() }
    #expect(throws: UserError.self) { _ = try IndexWriter(opening: folder, host: "here") }
    var other = facts()
    other.source = "others"
    #expect(throws: UserError.self) { _ = try IndexWriter(building: folder, other, host: "here") }
    let again = try IndexWriter(building: folder, facts(), host: "here")
    #expect(again.facts.done == 1)
  }

  /// Rows that are put together keep their bits, in lists or not.
  @Test(arguments: IndexFacts.VectorType.allCases) func clustersKeepEveryRow(_ type: IndexFacts.VectorType)
    throws
  {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try made(type)
    try writer.stage(passages([("a", "another text"), ("c", "third text")]), vectors: vectors(2, -9))
    try writer.commit(removing: ["a"])
    func rows() throws -> [Int64: [Float]] {
      var all: [Int64: [Float]] = [:]
      for part in try parts() {
        try part.withRows { rows in
          for (row, number) in part.numbers.enumerated() where number != 1 {
            var x: [Float] = [0, 0, 0, 0]
            x.withUnsafeMutableBufferPointer { rows.copy(row: row, into: $0.baseAddress!) }
            all[number] = x
          }
        }
      }
      return all
    }
    let before = try rows()
    #expect(before.count == 3)
    #expect(try writer.cluster(lists: 2, recall: nil, threads: 1).count == 2)
    #expect(try rows() == before)
    let part = try #require(try parts().first)
    #expect(part.clusters?.starts.last == 3 && part.clusters?.count == 2)
    #expect(try IndexDatabase(folder).counts().removed == 0)
    #expect(try names(inFolder: folder).filter { $0.hasSuffix(".safetensors") }.count == 1)
  }

  /// A damaged file of vectors, or of another index, ends in a line.
  @Test func damagedPartsAreRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try made()
    #expect(throws: UserError.self) { _ = try VectorPart(folder, number: 1, width: 5, type: .float32) }
    #expect(throws: UserError.self) { _ = try VectorPart(folder, number: 1, width: 4, type: .int8) }
    #expect(throws: UserError.self) { _ = try VectorPart(folder, number: 2, width: 4, type: .float32) }
    try Data("no database, but as long as the head of one: \(String(repeating: "x", count: 200))".utf8).write(
      to: URL(fileURLWithPath: "\(folder)/\(IndexDatabase.name)"))
    let error = #expect(throws: UserError.self) { _ = try IndexDatabase(folder).facts() }
    #expect(error?.code == .data)
  }
}
