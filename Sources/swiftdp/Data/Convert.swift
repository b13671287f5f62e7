// swiftdp data convert
import ArgumentParser
import Base
import Checkpoints
import Compression
import Datasets
import Foundation

extension DataCommand {
  struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the rows of data files as a file of another kind.",
      discussion: """
        What the files are, the endings of their names say: .parquet, .jsonl, .json, .csv, .tsv, .txt, each perhaps with
        .gz or .zst behind it. Example: swiftdp data convert 'raw/*.parquet' rows.jsonl.zst
        """)

    @Option(help: "How the pages of a .parquet file are compressed: zstd, snappy, gzip or none.")
    var compression: String?
    @Argument(help: "A file, a pattern, a folder, or - for standard input.", transform: Launch.path)
    var input: String
    @Argument(help: "The file to write; there must be none yet.", transform: Launch.path)
    var output: String

    func run() throws {
      let problems = Problems()
      let codec = compression.map { BlockCodec(rawValue: $0) } ?? .zstd
      if codec == nil {
        problems.add(
          .usage, "must be one of \(BlockCodec.allCases.map(\.rawValue).joined(separator: ", "))",
          at: "--compression")
      } else if compression != nil, DataFileKind.of(output)?.kind != .parquet {
        problems.add(
          .usage, "is for the pages of .parquet files", at: "--compression",
          hint: "other files end in .gz or .zst")
      }
      let files = problems.collect { try DataFileNames.files(input) }
      let conversion = problems.collect { try DataConversion(files ?? [], to: output, codec: codec ?? .zstd) }
      let file = problems.collect { try NewFile(output, at: "OUT") }
      try problems.throwIfAny()
      guard let files, let conversion, let file else { preconditionFailure("an error was collected") }
      if files.contains(where: StandardInput.isNamed) { try StandardInput.read() }
      let start = Date()
      let lines = ProgressLines()
      var bytes = 0
      let rows = try file.write { sink in
        try conversion.run {
          try sink($0)
          bytes += $0.count
        } progress: { count in
          if count % 1024 == 0 { lines.tell { counted(count, "row") } }
        }
      }
      print(
        "\(counted(rows, "row")), \(grouped(bytes)) bytes in \(duration(Date().timeIntervalSince(start))) · \(output)"
      )
    }
  }
}
