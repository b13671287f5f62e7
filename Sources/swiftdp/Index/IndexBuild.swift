// swiftdp index build
import ArgumentParser
import Base
import Collectives
import Datasets
import Foundation
import Retrieval
import Training

extension IndexCommand {
  struct Build: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      abstract: "Build an index of passages.",
      discussion: """
        Example: mpirun -np 4 swiftdp index build --model encoder --data passages.jsonl --output index
        A passage is a row {"id": …, "text": …} with any other keys, its metadata; a .txt file is one passage. Long ones
        are cut into chunks that end where sentences do. A build that was killed goes on if it is started again.
        """)

    @Option(
      help: "A model that makes vectors of texts: a folder of sentence-transformers, or of task=embedding.",
      transform: Launch.path)
    var model: String
    @OptionGroup var passages: PassageOptions
    @Option(help: "The folder of the index.", transform: Launch.path)
    var output: String
    @Option(
      help: "The most tokens of a chunk, special tokens included: 256, or fewer if the model reads fewer.")
    var chunkTokens: Int?
    @Option(help: "How many tokens a chunk may share with the one before: an eighth of a chunk by default.")
    var overlap: Int?
    @Option(help: "How vectors are kept: float32 or int8.")
    var vectors = "float32"
    @Flag(help: "Sort the vectors into lists, for search --approximate: from a million passages on.")
    var approximate = false
    @Option(help: "How many lists; four times the square root of the number of chunks by default.")
    var lists: Int?
    @Option(help: "The share of the nearest vectors that search --approximate should find; 0.98 by default.")
    var recall: Double?
    @Option(help: "Threads of a rank; its cores by default.")
    var threads: Int?

    func validate() throws {
      try check("--chunk-tokens", chunkTokens, in: 4...1 << 20)
      try check("--overlap", overlap, in: 0...1 << 20)
      try check("--lists", lists, in: 1...1 << 20)
      try check(threads: threads)
      guard IndexFacts.VectorType(rawValue: vectors) != nil else {
        throw ValidationError(
          "--vectors must be one of \(IndexFacts.VectorType.allCases.map(\.rawValue).joined(separator: ", "))"
        )
      }
      guard lists == nil || approximate else { throw ValidationError("--lists is for --approximate") }
      try check(recall: recall)
      guard recall == nil || approximate else { throw ValidationError("--recall is for --approximate") }
    }

    func run() throws {
      try onRanks { ranks in
        let files = try ranks.together { try passages.files { try EmbeddingModel.check(model) } }
        let encoder = try EmbeddingModel(model, threads: Launch.threads(ranks, asked: threads), ranks: ranks)
        let facts = try ranks.together { try indexFacts(encoder) }
        let start = Date()
        let outcome = try passages.edit(output, encoder, ranks).build(files, facts)
        try ranks.together {
          guard approximate, ranks.isFirst else { return }
          _ = try IndexWriter(opening: output, host: Ranks.hostName).cluster(
            lists: lists, recall: recall, threads: encoder.threads)
        }
        if let outcome { try passages.tell(outcome, output, encoder, since: start) }
      }
    }

    private func indexFacts(_ encoder: EmbeddingModel) throws -> IndexFacts {
      let tokens = chunkTokens ?? min(256, encoder.longest)
      guard tokens <= encoder.longest, tokens > encoder.longest - encoder.longestText else {
        throw UserError(
          .usage,
          "is \(tokens), and the encoder reads from \(encoder.longest - encoder.longestText + 1) to "
            + "\(encoder.longest) tokens", at: "--chunk-tokens")
      }
      let overlap = overlap ?? tokens / 8
      guard overlap <= tokens / 2 else {
        throw UserError(
          .usage, "is \(overlap), more than half of a chunk of \(tokens) tokens", at: "--overlap")
      }
      return IndexFacts(
        encoder: URL(fileURLWithPath: model).standardizedFileURL.path, fingerprint: encoder.fingerprint,
        width: encoder.width, type: IndexFacts.VectorType(rawValue: vectors) ?? .float32, chunkTokens: tokens,
        specialTokens: encoder.longest - encoder.longestText, overlap: overlap)
    }
  }
}
