// Lists of vectors: what a search looks through, and the same hits however queries come.
import Base
import Checkpoints
import Datasets
import Foundation
import Kernels
import Retrieval
import Testing

@Suite struct ListTests {
  private static let width = 24
  private let folder = FileManager.default.temporaryDirectory.path + "/swiftdp-lists-" + UUID().uuidString

  /// An index of vectors that are made.
  private func index(_ count: Int, _ type: IndexFacts.VectorType = .float32) throws -> IndexWriter {
    var facts = IndexFacts(
      encoder: "/encoder", fingerprint: "f", width: Self.width, type: type, chunkTokens: 8, specialTokens: 2,
      overlap: 1)
    facts.source = "s"
    let writer = try IndexWriter(building: folder, facts, host: "here")
    try stage(writer, "p", vectors: SearchTrial.vectors(count, of: count, width: Self.width, seed: 2))
    return writer
  }

  /// Adds a passage for each vector.
  private func stage(_ writer: IndexWriter, _ name: String, vectors: [Float]) throws {
    let (rows, count) = (folder + "-rows.jsonl", vectors.count / Self.width)
    try Data((0..<count).map { "{\"id\": \"\(name)\($0)\", \"text\": \"t\"}\n" }.joined().utf8).write(
      to: URL(fileURLWithPath: rows))
    defer { try? FileManager.default.removeItem(atPath: rows) }
    var passages: [ChunkedPassage] = []
    try PassageFiles([rows]).read { passages.append(ChunkedPassage($0, chunks: [0..<1])) }
    try writer.stage(passages, vectors: vectors)
    try writer.commit { ($0.state, $0.done) = (.complete, $0.done + count) }
  }

  private func parts() throws -> [VectorPart] {
    let database = try IndexDatabase(folder)
    let facts = try database.facts()
    return try database.read { try database.parts($0) }.map {
      try VectorPart(folder, number: $0, width: facts.width, type: facts.type)
    }
  }

  private func search(_ asked: [Float], _ reach: SearchReach, threads: Int) throws -> [[ScoredChunk]] {
    try VectorScan(try Engine(threads: threads)).best(
      asked, width: Self.width, count: 7, in: try parts(), reach: reach)
  }

  @Test(arguments: IndexFacts.VectorType.allCases)
  func aSearchInAllListsFindsWhatIsNearest(_ type: IndexFacts.VectorType) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try index(1500, type)
    let asked = SearchTrial.vectors(37, of: 1500, width: Self.width, seed: 9)
    let exact = try search(asked, .all, threads: 2)
    #expect(exact.count == 37 && exact.allSatisfy { $0.count == 7 })
    let made = try writer.cluster(lists: 40, recall: 0.95, threads: 2)
    #expect(made.count == 40 && (1...40).contains(made.probes))
    #expect(try search(asked, .lists(40), threads: 2) == exact)
    // One query alone has the hits and the bits that it has among others, on any number of threads.
    let some = try search(asked, .lists(5), threads: 2)
    var compared = 0
    for query in [0, 5, 36] {
      let own = Array(asked[query * Self.width..<(query + 1) * Self.width])
      #expect(try search(own, .lists(5), threads: 1) == [some[query]])
      compared += 1
    }
    #expect(compared == 3)
  }

  /// The number of lists that was measured on the vectors themselves serves others that lie alike, and is kept.
  @Test func asManyListsAsWereMeasuredAreEnough() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try index(4000)
    let asked = SearchTrial.vectors(64, of: 4000, width: Self.width, seed: 9)
    let exact = try search(asked, .all, threads: 2)
    let made = try writer.cluster(lists: 100, recall: 0.98, threads: 2)
    #expect(try parts().first?.clusters?.probes == made.probes && made.probes < 100)
    let found = try search(asked, .lists(nil), threads: 2)
    #expect(SearchTrial.recall(found, of: exact) >= 0.93, "\(made.probes) lists")
    let more = try writer.cluster(lists: 100, recall: 1, threads: 2)
    #expect(more.probes >= made.probes)
  }

  /// Bytes leave no row out that is among the best: ties, rows that are all alike, and more hits than a list has rows.
  @Test func bytesLeaveNoneOut() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try index(600)
    // A hundred rows alike, which are a list without differences.
    let one = SearchTrial.vectors(1, of: 600, width: Self.width, seed: 4)
    try stage(writer, "q", vectors: (0..<100).flatMap { _ in one })
    let made = try writer.cluster(lists: 12, recall: 1, threads: 2)
    let part = try #require(try parts().first)
    // Some are gone.
    part.keep { $0 % 3 != 0 }
    let asked = one + SearchTrial.vectors(20, of: 600, width: Self.width, seed: 9)
    let scan = VectorScan(try Engine(threads: 2))
    var compared = 0
    for count in [1, 7, 200, 1000] {
      let exact = try scan.best(asked, width: Self.width, count: count, in: [part], reach: .all)
      let found = try scan.best(
        asked, width: Self.width, count: count, in: [part], reach: .lists(made.count))
      #expect(exact.count == 21 && exact[0].count == min(count, 467) && found == exact)
      // Ranks look through lists of their own.
      let ranks = try (0..<3).map {
        try VectorScan(try Engine(threads: 1), rank: $0, of: 3).best(
          asked, width: Self.width, count: count, in: [part], reach: .lists(made.count))
      }
      for query in exact.indices {
        let all = ranks.flatMap { $0[query] }.sorted(by: ScoredChunk.precedes)
        #expect(Array(all.prefix(count)) == exact[query])
        compared += 1
      }
    }
    #expect(compared == 4 * 21)
  }

  /// Files of older versions have lists without bytes; damaged ones are refused.
  @Test func bytesAreMadeWhereAFileHasNone() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try index(900, .int8)
    _ = try writer.cluster(lists: 30, recall: 0.9, threads: 2)
    let asked = SearchTrial.vectors(9, of: 900, width: Self.width, seed: 9)
    let before = try search(asked, .lists(4), threads: 2)
    try rename("codes", to: "older")
    #expect(try search(asked, .lists(4), threads: 2) == before)
    try rename("older", to: "codes")
    try rename("bounds", to: "nobody")
    let error = #expect(throws: UserError.self) { _ = try parts() }
    #expect(error?.what == "holds bytes that do not fit its lists")
  }

  /// Bounds that say nothing cost time only, and damaged ones are refused.
  @Test func boundsThatSayNothing() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let writer = try index(400)
    _ = try writer.cluster(lists: 10, recall: 0.9, threads: 2)
    let asked = SearchTrial.vectors(9, of: 400, width: Self.width, seed: 9)
    let before = try search(asked, .lists(4), threads: 2)
    var compared = 0
    for (column, number) in [(0, Float.infinity), (0, 0), (1, .infinity), (2, 1e38), (2, .infinity)] {
      try setBounds(column, number)
      let found = try search(asked, .lists(4), threads: 2)
      // Where the step is not what the bytes were made with, too much may be left out, but nothing breaks.
      #expect(column == 0 ? found.count == 9 : found == before)
      compared += 1
    }
    #expect(compared == 5)
    for number in [Float.nan, -1] {
      try setBounds(1, number)
      #expect(throws: UserError.self) { _ = try parts() }
    }
  }

  /// Changes a number of the bounds of all lists.
  private func setBounds(_ column: Int, _ number: Float) throws {
    let url = try newest()
    let file = try SafetensorsFile(url.path)
    let place = try #require(file.entry("bounds"))
    var bytes = try Data(contentsOf: url)
    for list in 0..<place.shape[0] {
      let start = file.header.dataStart + place.bytes.lowerBound + 4 * (3 * list + column)
      bytes.replaceSubrange(start..<start + 4, with: withUnsafeBytes(of: number) { Data($0) })
    }
    try bytes.write(to: url)
  }

  private func newest() throws -> URL {
    let files = try names(inFolder: folder).filter { $0.hasSuffix(".safetensors") }.sorted()
    return URL(fileURLWithPath: "\(folder)/\(try #require(files.last))")
  }

  /// Gives a tensor of the newest file another name.
  private func rename(_ name: String, to other: String) throws {
    let url = try newest()
    var bytes = try Data(contentsOf: url)
    let place = try #require(bytes.range(of: Data("\"\(name)\"".utf8)))
    bytes.replaceSubrange(place, with: Data("\"\(other)\"".utf8))
    try bytes.write(to: url)
  }
}
