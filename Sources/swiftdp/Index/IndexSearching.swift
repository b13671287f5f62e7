// swiftdp index search
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Kernels
import Retrieval
import Training

extension IndexCommand {
  struct Search: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      abstract: "Find the passages that answer a question.",
      discussion: """
        Example: swiftdp index search --index index --query 'Who wrote Hamlet?' -k 5
        Example: mpirun -np 4 swiftdp index search --index index --queries questions.jsonl --mode hybrid --output hits.jsonl
        A row of the queries is {"query": …}, and one of the result {"query": …, "hits": [{"id", "chunk", "score", "text"}]}.
        The score is the cosine, BM25 (lexical), the sum of reciprocal ranks (hybrid), or what the reranker says.
        """)

    @OptionGroup var index: OpenIndexOptions
    @Option(help: "The question.")
    var query: String?
    @Option(help: "A file with a question in each row.", transform: Launch.path)
    var queries: String?
    @OptionGroup var settings: SearchSettings
    @Option(
      help: "The .jsonl file to write, which must not be there yet; by default the rows are printed.",
      transform: Launch.path)
    var output: String?
    @Flag(help: "Write the metadata of each hit too.")
    var metadata = false

    func validate() throws {
      guard (query == nil) != (queries == nil) else {
        throw ValidationError("Missing expected argument: either --query or --queries")
      }
    }

    func run() throws {
      try onRanks { ranks in
        let (texts, options, file) = try ranks.together { try prepare(ranks) }
        let searching = try Searching(index, settings, options, ranks)
        let start = Date()
        let found = try searching.hits(for: texts)
        let seconds = max(Date().timeIntervalSince(start), 1e-9)
        try ranks.together {
          guard ranks.isFirst else { return }
          let lines = zip(texts, found).map { query, hits in
            JSON.object([
              "query": .string(query), "hits": .array(hits.map { $0.json(withMetadata: metadata) }),
            ]).encoded() + "\n"
          }
          guard let file else { return try StandardStream.output.writeAll(lines.joined()) }
          try file.write(Array(lines.joined().utf8))
        }
        guard ranks.isFirst, let output else { return }
        print(
          "\(counted(texts.count, "query", "queries")) in \(duration(seconds)), "
            + "\(decimals(Double(texts.count) / seconds, 1)) queries/s · \(output)")
      }
    }

    private func prepare(_ ranks: Ranks) throws -> ([[UInt8]], SearchOptions, NewFile?) {
      let problems = Problems()
      let options = problems.collect { try settings.options() }
      let texts = problems.collect { () throws -> [[UInt8]] in
        if let query {
          guard query.contains(where: { !$0.isWhitespace }) else {
            throw UserError(.usage, "is empty", at: "--query")
          }
          return [Array(query.utf8)]
        }
        if let missing = UserError.noFile(queries ?? "", at: "--queries") { throw missing }
        return try QueryFile(queries ?? "").rows.map(\.query)
      }
      let file = output.flatMap { output in
        ranks.isFirst ? problems.collect { try NewFile(output, at: "--output") } : nil
      }
      try problems.throwIfAny()
      guard let options, let texts else { preconditionFailure("an error was collected") }
      return (texts, options, file)
    }
  }
}

extension SearchHit {
  func json(withMetadata: Bool = false) -> JSON {
    let members: [(String, JSON)] = [
      ("id", .string(chunk.id)), ("chunk", .integer(chunk.chunk)), ("score", .number(score)),
      ("text", .string(chunk.text)),
    ]
    return .object(members: members + (withMetadata ? [("metadata", chunk.metadata)] : []))
  }
}

/// An index that is open, with what searches it.
struct Searching {
  let search: IndexSearch
  let encoder: EmbeddingModel?
  private let scorer: CrossEncoder?
  let options: SearchOptions
  private let ranks: Ranks

  /// Collective.
  init(_ index: OpenIndexOptions, _ settings: SearchSettings, _ options: SearchOptions, _ ranks: Ranks) throws
  {
    let scorer = try settings.scorer(threads: Launch.threads(ranks, asked: index.threads), ranks)
    try self.init(index, options, scorer: scorer, ranks)
  }

  /// Collective.
  init(_ index: OpenIndexOptions, _ options: SearchOptions, scorer: CrossEncoder?, _ ranks: Ranks) throws {
    self.options = options
    self.scorer = scorer
    self.ranks = ranks
    let facts = try index.facts(ranks)
    let threads = Launch.threads(ranks, asked: index.threads)
    encoder =
      options.mode == .lexical
      ? nil : try EmbeddingModel.of(index.index, facts, index.model, threads: threads, ranks)
    let engine = try encoder?.model.replica.engine ?? ranks.together { try Engine(threads: threads) }
    search = try IndexSearch(index.index, engine: engine, ranks: ranks)
    if ranks.isFirst { for note in encoder?.notes ?? [] { Command.tell("note: " + note) } }
  }

  /// Collective.
  /// - Returns: on the first rank, the hits of each query.
  func hits(for queries: [[UInt8]]) throws -> [[SearchHit]] {
    let found = try search.hits(for: queries, options, encoder: encoder, scorer: scorer)
    let cut = search.cutQueries
    if cut > 0, ranks.isFirst {
      Command.tell(
        "note: \(counted(cut, "query", "queries")) longer than the encoder reads, \(encoder?.longest ?? 0) tokens"
      )
    }
    return found
  }
}
