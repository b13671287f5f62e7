// Searches an index, over all ranks: the first one reads the database, and every rank compares vectors of its own.
import Base
import Collectives
import Foundation
import Kernels

package enum SearchMode: String, CaseIterable, Sendable {
  /// By the cosine of vectors.
  case dense
  /// By words: BM25.
  case lexical
  /// Both, by their places.
  case hybrid
}

package struct SearchOptions: Sendable {
  package var mode = SearchMode.dense
  /// Hits for each query.
  package var count = 5
  package var filters: [MetadataFilter] = []
  package var reach = SearchReach.all
  /// How many hits a reranker reads for each query.
  package var candidates = 50

  package init() {}
}

package struct SearchHit: Equatable, Sendable {
  package let chunk: StoredChunk
  package let score: Double

  package init(chunk: StoredChunk, score: Double) { (self.chunk, self.score) = (chunk, score) }
}

package final class IndexSearch {
  package let folder: String
  package let facts: IndexFacts
  private let ranks: Ranks
  private let engine: Engine
  /// On the first rank.
  private let database: IndexDatabase?
  /// The parts as they were read last, and what they were read for.
  private var opened: (generation: Int, filters: [MetadataFilter], parts: [VectorPart])?
  /// How often a search begins anew because the index was changed meanwhile.
  private static let tries = 20
  /// How many queries of the last search were longer than the encoder reads; known to the first rank.
  package private(set) var cutQueries = 0

  /// Collective.
  /// - Throws: if it is no index, or not complete.
  package init(_ folder: String, engine: Engine, ranks: Ranks) throws {
    self.folder = folder
    self.ranks = ranks
    self.engine = engine
    facts = try IndexDatabase.facts(of: folder, ranks)
    database = try ranks.together { ranks.isFirst ? try IndexDatabase(folder) : nil }
  }

  /// The best chunks for each query. All of them are of one state of the index. Collective.
  /// - Parameters:
  ///   - queries: UTF-8, the same on all ranks.
  ///   - encoder: may be nil for `lexical`.
  ///   - scorer: reads the first `candidates` hits of each query and decides on their order and scores.
  /// - Returns: for each query its hits, the best first, known to the first rank; nothing on the others.
  package func hits(
    for queries: [[UInt8]], _ options: SearchOptions, encoder: (any PassageEncoder)?,
    scorer: (any PassageScorer)? = nil
  ) throws -> [[SearchHit]] {
    var vectors: [Float] = []
    if options.mode != .lexical, let encoder { vectors = try self.vectors(of: queries, encoder) }
    let wanted = scorer == nil ? options.count : max(options.count, options.candidates)
    for _ in 0..<Self.tries {
      guard let snapshot = try snapshot(options) else { continue }
      var near: [[ScoredChunk]] = []
      let depth = options.mode == .hybrid ? max(ReciprocalRanks.depth, wanted) : wanted
      if options.mode != .lexical {
        near = try VectorSearch(engine, ranks).best(
          vectors, width: facts.width, count: depth, in: snapshot.parts, reach: options.reach)
      }
      let found = try ranks.together {
        try read(queries, near, options, depth: depth, wanted: wanted, generation: snapshot.generation)
      }
      guard ranks.broadcast(found == nil && ranks.isFirst ? 0 : 1) == 1 else { continue }
      guard let scorer else { return found ?? [] }
      return try reranked(found ?? [], queries, scorer, count: options.count)
    }
    throw UserError(.tryAgain, "was changed again and again while it was searched", at: folder)
  }

  private func vectors(of queries: [[UInt8]], _ encoder: any PassageEncoder) throws -> [Float] {
    cutQueries = 0
    var vectors =
      try EncodingRounds.run(encoder, ranks) { rounds -> [Float] in
        defer { cutQueries = rounds.cutTexts }
        return try rounds.vectors(of: queries)
      } ?? []
    if !ranks.isFirst { vectors = [Float](repeating: 0, count: queries.count * facts.width) }
    vectors.withUnsafeMutableBytes { ranks.broadcast($0) }
    return vectors
  }

  /// The vectors as one state of the index has them; nil if that has changed meanwhile. Collective.
  private func snapshot(_ options: SearchOptions) throws -> (generation: Int, parts: [VectorPart])? {
    let state = try ranks.together { try database.map { try State(of: $0, options) } }
    let text = ranks.broadcast(state?.head ?? "")
    guard options.mode != .lexical else { return (Int(text) ?? 0, []) }
    let head = text.split(separator: " ").compactMap { Int($0) }
    let generation = head.first ?? 0
    if let opened, opened.generation == generation, opened.filters == options.filters {
      return (generation, opened.parts)
    }
    let removed = shared(state?.removed, isThere: true) ?? []
    let accepted = shared(state?.accepted, isThere: !options.filters.isEmpty)
    let parts = Result {
      try head.dropFirst().map { number in
        let part = try VectorPart(folder, number: number, width: facts.width, type: facts.type)
        if !removed.isEmpty || accepted != nil {
          part.keep { !removed.contains($0) && accepted?.contains($0) ?? true }
        }
        return part
      }
    }
    // A file that is gone was replaced, and then the index has another generation.
    let failed = ranks.sum((try? parts.get()) == nil ? 1 : 0)
    if failed > 0 {
      let now = try ranks.together { try database?.facts().generation }
      guard ranks.broadcast(now ?? 0) == generation else { return nil }
      _ = try ranks.together { try parts.get() }
    }
    let found = try parts.get()
    opened = (generation, options.filters, found)
    return (generation, found)
  }

  /// What one transaction says of the vectors.
  private struct State {
    /// The generation, and the numbers of the parts.
    let head: String
    let removed: Set<Int64>
    let accepted: Set<Int64>?

    init(of database: IndexDatabase, _ options: SearchOptions) throws {
      (head, removed, accepted) = try database.read { db in
        let facts = try database.facts(db)
        try database.checkIsComplete(facts)
        let numbers = try [facts.generation] + database.parts(db)
        guard options.mode != .lexical else { return ("\(facts.generation)", [], nil) }
        return (
          numbers.map(String.init).joined(separator: " "),
          Set(try db.integers("SELECT chunk FROM removed")),
          try database.accepted(options.filters, db)
        )
      }
    }
  }

  /// Gives all ranks the numbers of the first one.
  private func shared(_ numbers: Set<Int64>?, isThere: Bool) -> Set<Int64>? {
    guard isThere else { return nil }
    guard ranks.count > 1 else { return numbers }
    var list = numbers.map { Array($0) } ?? []
    let count = ranks.broadcast(list.count)
    if !ranks.isFirst { list = [Int64](repeating: 0, count: count) }
    list.withUnsafeMutableBytes { ranks.broadcast($0) }
    return Set(list)
  }

  /// On the first rank, the texts of what was found, if the index is still of that generation; otherwise nil.
  private func read(
    _ queries: [[UInt8]], _ near: [[ScoredChunk]], _ options: SearchOptions, depth: Int, wanted: Int,
    generation: Int
  ) throws -> [[SearchHit]]? {
    guard let database else { return nil }
    return try database.read { db in
      guard try database.facts(db).generation == generation else { return nil }
      let accepted = options.mode == .dense ? nil : try database.accepted(options.filters, db)
      return try queries.indices.map { query in
        let lexical =
          options.mode == .dense
          ? [] : try database.lexical(queries[query], count: depth, among: accepted, db)
        let found =
          switch options.mode {
          case .dense: near[query]
          case .lexical: lexical
          case .hybrid: ReciprocalRanks.fused([near[query], lexical])
          }
        let best = found.prefix(wanted)
        let chunks = try database.chunks(best.map(\.number), db)
        guard chunks.count == best.count else {
          throw UserError(
            .data, "names chunks that it does not hold", at: folder, hint: "build it anew")
        }
        return zip(chunks, best).map { SearchHit(chunk: $0, score: $1.score) }
      }
    }
  }

  /// The hits by what a scorer says of them, which ranks share. Collective.
  private func reranked(
    _ found: [[SearchHit]], _ queries: [[UInt8]], _ scorer: any PassageScorer, count: Int
  ) throws -> [[SearchHit]] {
    let texts = ranks.broadcast(
      JSON.array(found.map { .array($0.map { .string($0.chunk.text) }) }).encoded())
    let passages = try ranks.together { try JSON.parse(texts) }.elements ?? []
    let pairs = passages.enumerated().flatMap { query, texts in
      (texts.elements ?? []).map { QuestionPair(question: queries[query], passage: $0.bytes ?? []) }
    }
    let own = try ranks.together {
      try scorer.scores(of: stride(from: ranks.rank, to: pairs.count, by: ranks.count).map { pairs[$0] })
    }
    let all = ranks.gather(own)
    guard ranks.isFirst else { return [] }
    var next = 0
    return found.map { hits in
      let scored = hits.map { hit in
        defer { next += 1 }
        return SearchHit(chunk: hit.chunk, score: all[next % ranks.count][next / ranks.count])
      }
      let sorted = scored.sorted { ($1.score, $0.chunk.number) < ($0.score, $1.chunk.number) }
      return Array(sorted.prefix(count))
    }
  }
}
