// Builds an index, adds to it and updates it, over all ranks.
import Base
import Collectives
import Datasets

package struct IndexEditing {
  package let folder: String
  private let encoder: any PassageEncoder
  private let ranks: Ranks
  private let host: String
  /// Called on the first rank with how many passages are in so far.
  package var progress: (Int) -> Void = { _ in }
  /// Chunks that are encoded, and by a build kept, at once.
  private static let round = 512

  package init(_ folder: String, _ encoder: any PassageEncoder, ranks: Ranks, host: String) {
    (self.folder, self.encoder, self.ranks, self.host) = (folder, encoder, ranks, host)
  }

  /// What an edit did.
  package struct Outcome: Sendable {
    package var added = 0
    package var updated = 0
    /// Passages that say what the index has already.
    package var unchanged = 0
    /// Passages that an earlier build, which was killed, had put in.
    package var kept = 0
    package var chunks = 0
    /// Chunks that the encoder could not read to their end.
    package var cut = 0
  }

  private func chunked(_ passage: Passage, _ facts: IndexFacts) -> ChunkedPassage {
    let form = ChunkForm(
      tokens: facts.chunkTokens - facts.specialTokens, overlap: facts.overlap)
    return ChunkedPassage(passage, chunks: form.chunks(of: passage.text, encoder.placed(passage.text)))
  }

  /// Builds an index, or goes on with the build that was killed. Collective.
  /// - Returns: what was done; nil on all ranks but the first.
  package func build(_ files: PassageFiles, _ facts: IndexFacts) throws -> Outcome? {
    let writer = try ranks.together {
      guard ranks.isFirst else { return IndexWriter?.none }
      var facts = facts
      facts.source = try files.census().fingerprint
      return try IndexWriter(building: folder, facts, host: host)
    }
    return try EncodingRounds.run(encoder, ranks) { rounds in
      guard let writer else { preconditionFailure("the first rank writes") }
      var outcome = Outcome()
      outcome.kept = writer.facts.done
      var (seen, waiting, chunks) = (0, [ChunkedPassage](), 0)
      func flush(isLast: Bool) throws {
        if !waiting.isEmpty {
          try writer.stage(waiting, vectors: try rounds.vectors(of: waiting.flatMap(\.texts)))
          outcome.added += waiting.count
          outcome.chunks += chunks
        }
        try writer.commit {
          $0.done = seen
          if isLast { ($0.state, $0.source) = (.complete, "") }
        }
        progress(seen)
        (waiting, chunks) = ([], 0)
      }
      try files.read { passage in
        seen += 1
        guard seen > outcome.kept else { return }
        let document = chunked(passage, writer.facts)
        waiting.append(document)
        chunks += document.chunks.count
        if chunks >= Self.round { try flush(isLast: false) }
      }
      try flush(isLast: true)
      try writer.tidy()
      outcome.cut = rounds.cutTexts
      return outcome
    }
  }

  /// Adds passages whose ids are new, or puts passages in the places of those that have their ids. All of them are found
  /// from one moment on, and what they replace is not found any more. Collective.
  /// - Returns: what was done; nil on all ranks but the first.
  package func add(_ files: PassageFiles, replacing: Bool) throws -> Outcome? {
    let writer = try ranks.together {
      guard ranks.isFirst else { return IndexWriter?.none }
      let writer = try IndexWriter(opening: folder, host: host)
      var known: [String: String] = [:]
      _ = try files.census { passage in
        guard !replacing else { return nil }
        known = (try? writer.hashes(of: [passage.id])) ?? [:]
        return known.isEmpty
          ? nil
          : "has the id \(passage.id.quoted), which is in the index already: swiftdp index update replaces it"
      }
      return writer
    }
    return try EncodingRounds.run(encoder, ranks) { rounds in
      guard let writer else { preconditionFailure("the first rank writes") }
      var outcome = Outcome()
      var replaced: [String] = []
      var (waiting, chunks) = ([ChunkedPassage](), 0)
      func stage() throws {
        guard !waiting.isEmpty else { return }
        try writer.stage(waiting, vectors: try rounds.vectors(of: waiting.flatMap(\.texts)))
        outcome.chunks += chunks
        progress(outcome.added + outcome.updated)
        (waiting, chunks) = ([], 0)
      }
      do {
        try files.read { passage in
          let known = try writer.hashes(of: [passage.id])[passage.id]
          if let known {
            guard known != ChunkedPassage.hash(of: passage) else {
              outcome.unchanged += 1
              return
            }
            replaced.append(passage.id)
            outcome.updated += 1
          } else {
            outcome.added += 1
          }
          let document = chunked(passage, writer.facts)
          waiting.append(document)
          chunks += document.chunks.count
          if chunks >= Self.round { try stage() }
        }
        try stage()
      } catch {
        writer.forget()
        throw error
      }
      if outcome.added + outcome.updated > 0 {
        try writer.commit(removing: replaced)
        try writer.tidy()
      }
      outcome.cut = rounds.cutTexts
      return outcome
    }
  }

  /// Takes documents out. It needs no encoder and one rank.
  /// - Throws: all ids that are not there, at once; then nothing is taken out.
  package static func remove(_ ids: [String], from folder: String, host: String) throws {
    let writer = try IndexWriter(opening: folder, host: host)
    let known = try writer.hashes(of: ids)
    let missing = ids.filter { known[$0] == nil }
    guard missing.isEmpty else {
      throw UserErrors(
        missing.map { UserError(.usage, "\($0.quoted) is not in the index", at: "--ids") })
    }
    try writer.commit(removing: ids)
    try writer.tidy()
  }
}
