// swiftdp bench tokenizer
import ArgumentParser
import Base
import Collectives
import Foundation
import Kernels
import Tokenizers

struct BenchTokenizer: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer",
    abstract: "Encoding a file as one text and by line, and loading the tokenizer.",
    discussion: """
      Each repetition encodes with a tokenizer that was just loaded, as a run does. Under mpirun all ranks
      encode the whole file at once, as ranks of a run do, and their rates are added up.
      """)

  @Option(
    help: "A folder with a tokenizer.json, or with a file of SentencePiece or tiktoken.",
    transform: Launch.path)
  var tokenizer: String
  @Option(help: "A text file.", transform: Launch.path)
  var data: String
  @OptionGroup var options: BenchOptions

  func run() throws {
    try onRanks { ranks in
      let (text, file, bytes) = try ranks.together {
        if let mistake = UserError.noFile(data, at: "--data") { throw mistake }
        let text = try OpenFile.contents(data)
        let file = try Tokenizer(folder: tokenizer).path
        guard !text.isEmpty else { throw UserError(.data, "the file is empty", at: data) }
        return (text, file, try OpenFile.contents(file))
      }
      let bench = TokenizerBench(
        session: try BenchSession(options, ranks), folder: tokenizer, file: file, bytes: bytes, text: text)
      try bench.session.report("tokenizer", limits: { try bench.limits() }, rows: { try bench.rows() })
    }
  }
}

private struct TokenizerBench {
  let session: BenchSession
  let folder: String
  /// The file that the tokenizer is read from, and what it holds.
  let file: String
  let bytes: [UInt8]
  let text: [UInt8]
  /// The range of every line, without its end.
  private let lines: [Range<Int>]
  /// The ranges of lines that a thread takes at a time.
  private let tiles: [Range<Int>]
  private var threads: Int { session.engine.pool.threads }
  /// The least bytes of text in such a range, apart from the last.
  private static let tile = 1 << 14

  init(session: BenchSession, folder: String, file: String, bytes: [UInt8], text: [UInt8]) {
    self.session = session
    self.folder = folder
    self.file = file
    self.bytes = bytes
    self.text = text
    let lines = text.split(separator: UInt8(ascii: "\n")).map { $0.startIndex..<$0.endIndex }
    var tiles: [Range<Int>] = []
    var first = 0
    for index in lines.indices
    where index == lines.count - 1 || lines[index].upperBound - lines[first].lowerBound >= Self.tile {
      tiles.append(first..<index + 1)
      first = index + 1
    }
    self.lines = lines
    self.tiles = tiles
  }

  func limits() throws -> [(limit: BenchLimit, rate: Double)] {
    var limits: [(limit: BenchLimit, rate: Double)] = [
      (.copy, MachinePeak.copy(session.engine.pool, session.ranks))
    ]
    if isJSON {
      let parse = try session.seconds { _ in _ = try JSON.parse(bytes) }
      limits.append((.parsing, onAllRanks(bytes.count) / parse[0]))
    }
    guard threads > 1 else { return limits }
    let oneThread = try secondsByLine(threads: 1)
    return limits + [(.oneThread, onAllRanks(text.count) * Double(threads) / oneThread[0])]
  }

  func rows() throws -> [BenchRow] {
    let load = try session.seconds { _ in _ = try Tokenizer(folder: folder) }
    let tokens = try Tokenizer(folder: folder).encode(text, addSpecialTokens: false).count
    let sizes = [(name: "bytes", value: text.count), (name: "tokens", value: tokens)]
    let byLine = sizes + [(name: "lines", value: lines.count)]
    let whole = try secondsFresh { _ = $0.encode(text, addSpecialTokens: false) }
    func row(
      _ name: String, _ sizes: [(name: String, value: Int)], _ seconds: [Double], _ limit: BenchLimit
    ) -> BenchRow {
      BenchRow(name: name, sizes: sizes, seconds: seconds, work: onAllRanks(text.count), limit: limit)
    }
    let oneThread = [
      BenchRow(
        name: "load \(URL(fileURLWithPath: file).lastPathComponent)", sizes: [("bytes", bytes.count)],
        seconds: load,
        work: onAllRanks(bytes.count), limit: isJSON ? .parsing : .copy),
      row("one text, 1 thread", sizes, whole, .copy),
      row("by line, 1 thread", byLine, try secondsByLine(threads: 1), .copy),
      row("with places, 1 thread", sizes, try secondsFresh { _ = $0.encodeWithPlaces(text) }, .copy),
    ]
    guard threads > 1 else { return oneThread }
    let seconds = try secondsByLine(threads: threads)
    return oneThread + [row("by line, \(threads) threads", byLine, seconds, .oneThread)]
  }

  private var isJSON: Bool { file.hasSuffix(".json") }
  private func onAllRanks(_ bytes: Int) -> Double { Double(bytes * session.ranks.count) }

  /// Uses a tokenizer that has not seen the text, as words that it has seen are faster.
  private func secondsFresh(_ encode: (Tokenizer) -> Void) throws -> [Double] {
    var tokenizer = try Tokenizer(folder: folder)
    return try session.seconds(
      prepare: { tokenizer = try Tokenizer(folder: folder) }, { _ in encode(tokenizer) })
  }

  private func secondsByLine(threads: Int) throws -> [Double] {
    let pool = try WorkerPool(threads: threads)
    return try text.withUnsafeBufferPointer { text in
      try secondsFresh { tokenizer in
        pool.run(tiles.count) { tile, _ in
          for line in lines[tiles[tile]] {
            _ = tokenizer.encode(UnsafeBufferPointer(rebasing: text[line]), addSpecialTokens: false)
          }
        }
      }
    }
  }
}
