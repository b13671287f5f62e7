// swiftdp bench index
import ArgumentParser
import Base
import Collectives
import Foundation
import Kernels
import Retrieval

struct BenchIndex: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "The speed of searching vectors, all of them and by lists.",
    discussion: """
      Example: mpirun -np 2 swiftdp bench index --vectors 1000000 --width 384
      Vectors are made: directions around centres, which vary in few directions most, as those of texts do. With
      --output, vectors, queries and hits stay there to be compared.
      """)

  @Option(help: "How many vectors.")
  var vectors = 100_000
  @Option(help: "Numbers of a vector.")
  var width = 384
  @Option(help: "How many queries are asked at once.")
  var queries = 256
  @Option(help: "How many hits of each.")
  var hits = 10
  @Option(help: "How vectors are kept: float32 or int8.")
  var type = "float32"
  @Option(
    help: "Lists; four times the square root of the number of vectors by default. 0 for exact search only.")
  var lists: Int?
  @Option(help: "How many lists are looked through; by default as many as were measured to be enough.")
  var probes: Int?
  @Option(help: "The share of the nearest vectors that should lie in these lists; 0.98 by default.")
  var recall: Double?
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?
  @Option(help: "A folder to keep; it must not be there yet.", transform: Launch.path)
  var output: String?

  func validate() throws {
    try check("--vectors", vectors, in: 1...1 << 28)
    try check("--width", width, in: 1...1 << 16)
    try check("--queries", queries, in: 1...1 << 20)
    try check("--hits", hits, in: 1...10_000)
    try check("--lists", lists, in: 0...1 << 20)
    try check("--probes", probes, in: 1...1 << 20)
    try check(recall: recall)
    try check(threads: threads)
    guard IndexFacts.VectorType(rawValue: type) != nil else {
      throw ValidationError(
        "The value '\(type)' is invalid for '--type <type>'. Please provide one of 'float32', 'int8'.")
    }
  }

  func run() throws {
    try onRanks { ranks in
      let engine = try ranks.together { [threads = Launch.threads(ranks, asked: threads)] in
        try Engine(threads: threads)
      }
      let folder = ranks.broadcast(
        output ?? FileManager.default.temporaryDirectory.path + "/swiftdp-bench-" + UUID().uuidString)
      try ranks.together {
        guard ranks.isFirst else { return }
        if FileManager.default.fileExists(atPath: folder) {
          throw UserError(.usage, "\(folder) is there already", at: "--output")
        }
        try makeFolders(folder)
      }
      defer { if output == nil, ranks.isFirst { try? removeTree(folder) } }
      let trial = SearchTrial(
        folder, count: vectors, width: width, type: IndexFacts.VectorType(rawValue: type) ?? .float32,
        engine: engine, ranks: ranks)
      try trial.write()
      let asked = trial.vectors(queries, seed: 3)
      let exact = try trial.search(asked, count: hits, reach: .all, repeats: 3)
      tell("exact", exact, nil, ranks)
      if let output, ranks.isFirst { try keep(asked, exact, in: output) }
      guard lists != 0 else { return }
      let made = try trial.cluster(lists: lists, recall: recall)
      let near = try trial.search(asked, count: hits, reach: .lists(probes), repeats: 3)
      if let clusters = made.clusters {
        print("clustered in \(duration(made.seconds))")
        tell(
          "\(grouped(probes ?? clusters.probes)) of \(counted(clusters.count, "list"))", near, exact, ranks)
      }
    }
  }

  private func tell(
    _ name: String, _ outcome: SearchTrial.Outcome, _ exact: SearchTrial.Outcome?, _ ranks: Ranks
  ) {
    guard ranks.isFirst else { return }
    let rate = Double(queries) / outcome.seconds
    let recall = exact.map {
      "  recall \(decimals(SearchTrial.recall(outcome.found, of: $0.found)))  \(decimals($0.seconds / outcome.seconds, 1)) × exact"
    }
    print(
      "\(name)  \(grouped(vectors)) × \(width) \(type), \(queries) queries in \(decimals(outcome.seconds * 1e3, 1)) ms, "
        + "\(decimals(rate, 1)) queries/s" + (recall ?? ""))
  }

  /// The queries as fp32 numbers, and the hits as rows, beside the vectors.
  private func keep(_ asked: [Float], _ outcome: SearchTrial.Outcome, in folder: String) throws {
    let rows = outcome.found.map { hits in
      JSON.array(hits.map { .array([.integer(Int($0.number) - 1), .number($0.score)]) }).encoded() + "\n"
    }
    for (name, bytes) in [
      ("queries.f32", asked.withUnsafeBytes { Array($0) }), ("hits.jsonl", Array(rows.joined().utf8)),
    ] {
      let file = try DurableFile(creating: "\(folder)/\(name)", size: bytes.count)
      try bytes.withUnsafeBytes { try file.write($0, at: 0) }
    }
  }
}
