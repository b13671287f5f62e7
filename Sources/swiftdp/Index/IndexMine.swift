// swiftdp index mine
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Retrieval
import Training

extension IndexCommand {
  struct Mine: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      abstract: "Find hard negatives for pairs: passages that look like answers and are none.",
      discussion: """
        Example: mpirun -np 4 swiftdp index mine --index index --data pairs.jsonl --output triplets.jsonl
        A pair is a row {"anchor": …, "positive": …}; the rows that are written have a "negative" too, and train an
        encoder with task=embedding. A negative is a chunk that is found for the anchor, is neither the positive nor a
        part of it or around it, and whose cosine is below the positive's by the margin at least.
        """)

    @OptionGroup var index: OpenIndexOptions
    @Option(help: "Files of pairs.", transform: Launch.path)
    var data: String
    @Option(help: "The .jsonl file to write; there must be none yet.", transform: Launch.path)
    var output: String
    @Option(help: "How many negatives of each pair, each in a row of its own.")
    var negatives = 1
    @Option(help: "How many hits of each anchor are looked at.")
    var candidates = 50
    @Option(help: "A negative's cosine is at most the positive's times 1 less this.")
    var margin = 0.05
    @Option(help: "dense, lexical or hybrid: how candidates are found.")
    var mode = SearchMode.dense.rawValue

    func validate() throws {
      try check("--negatives", negatives, in: 1...1000)
      try check("--candidates", candidates, in: 1...10_000)
      guard (0...1).contains(margin) else { throw ValidationError("--margin must be from 0 to 1") }
      guard SearchMode(rawValue: mode) != nil else {
        throw ValidationError(
          "The value '\(mode)' is invalid for '--mode <mode>'. Please provide one of "
            + SearchMode.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ") + ".")
      }
    }

    func run() throws {
      try onRanks { ranks in
        let (rows, file) = try ranks.together { () throws -> ([QueryFile.Row], NewFile?) in
          let problems = Problems()
          let rows = problems.collect { () throws -> [QueryFile.Row] in
            if let missing = UserError.noFile(data, at: "--data") { throw missing }
            return try QueryFile(data, column: "anchor") { row in
              row["positive"]?.bytes?.contains { $0 > 0x20 } ?? false ? nil : "has no \"positive\""
            }.rows
          }
          let file = problems.collect { ranks.isFirst ? try NewFile(output, at: "--output") : nil }
          try problems.throwIfAny()
          return (rows ?? [], file ?? nil)
        }
        let facts = try index.facts(ranks)
        let encoder = try index.encoder(facts, ranks)
        let search = try IndexSearch(index.index, engine: encoder.model.replica.engine, ranks: ranks)
        var options = SearchOptions()
        (options.count, options.mode) = (candidates, SearchMode(rawValue: mode) ?? .dense)
        let mining = HardNegatives(margin: margin, count: negatives)
        let mined = try mining.mined(
          rows.map { ($0.query, $0.json["positive"]?.bytes ?? []) }, search, options, encoder, ranks)
        try ranks.together {
          guard ranks.isFirst, let file else { return }
          var text: [UInt8] = []
          for triplet in mined {
            JSON.object([
              "anchor": .string(triplet.anchor), "positive": .string(triplet.positive),
              "negative": .string(triplet.negative),
            ]).write(to: &text)
            text.append(UInt8(ascii: "\n"))
          }
          try file.write(text)
        }
        guard ranks.isFirst else { return }
        let without = rows.count - Set(mined.map(\.pair)).count
        if without > 0 {
          Command.tell(
            "note: \(counted(without, "pair")) without a negative, and left out (--candidates, --margin)")
        }
        print("\(counted(mined.count, "row")) of \(counted(rows.count, "pair")) · \(output)")
      }
    }
  }
}
