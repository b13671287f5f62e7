// swiftdp index info and cluster
import ArgumentParser
import Base
import Collectives
import Retrieval

extension IndexCommand {
  struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say what an index holds.")

    @Option(help: "The folder of the index.", transform: Launch.path)
    var index: String
    @Flag(help: "One JSON object instead of words.")
    var json = false

    func run() throws {
      let database = try IndexDatabase(index)
      let facts = try database.facts()
      let counts = try database.counts()
      var members: [(String, JSON)] = [
        ("documents", .integer(counts.documents)), ("chunks", .integer(counts.chunks)),
        ("state", .string(facts.state.rawValue)), ("generation", .integer(facts.generation)),
        ("encoder", .string(facts.encoder)), ("fingerprint", .string(facts.fingerprint)),
        ("width", .integer(facts.width)), ("vectors", .string(facts.type.rawValue)),
        ("chunk_tokens", .integer(facts.chunkTokens)), ("overlap", .integer(facts.overlap)),
        ("files", .integer(counts.parts)), ("removed_chunks", .integer(counts.removed)),
      ]
      if let clusters = try clusters(database, facts) {
        members += [("lists", .integer(clusters.count)), ("lists_of_a_search", .integer(clusters.probes))]
      }
      if json { return print(JSON.object(members: members).encoded()) }
      for (name, value) in members { print(cell(name, width: 18) + (value.text ?? value.encoded())) }
    }

    /// The lists of the largest part that has some; nil where none has.
    private func clusters(_ database: IndexDatabase, _ facts: IndexFacts) throws -> VectorClusters? {
      try database.read { try database.parts($0) }.compactMap {
        try VectorPart(index, number: $0, width: facts.width, type: facts.type).clusters
      }.max { $0.count < $1.count }
    }
  }

  struct Cluster: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sort the vectors of an index into lists, for search --approximate.",
      discussion: """
        Example: swiftdp index cluster --index index
        Passages that are added later are compared one by one until the index is clustered again.
        """)

    @Option(help: "The folder of the index.", transform: Launch.path)
    var index: String
    @Option(help: "How many lists; four times the square root of the number of chunks by default.")
    var lists: Int?
    @Option(help: "The share of the nearest vectors that search --approximate should find; 0.98 by default.")
    var recall: Double?
    @Option(help: "Threads; all cores by default.")
    var threads: Int?

    func validate() throws {
      try check("--lists", lists, in: 1...1 << 20)
      try check(threads: threads)
      try check(recall: recall)
    }

    func run() throws {
      let writer = try IndexWriter(opening: index, host: Ranks.hostName)
      let made = try writer.cluster(
        lists: lists, recall: recall, threads: threads ?? max(Launch.allowedCores, 1))
      print(
        "\(counted(made.count, "list")), of which a search looks through \(grouped(made.probes)) · \(index)")
    }
  }
}
