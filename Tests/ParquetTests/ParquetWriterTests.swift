// What is written is read again; make_parquet_fixtures.py checks that pyarrow reads written.parquet alike.
import Base
import Compression
import Foundation
import Parquet
import Testing

@Suite struct ParquetWriterTests {
  private func written(_ rows: [JSON], codec: BlockCodec = .zstd) throws -> [UInt8] {
    let shape = ColumnShape()
    for row in rows { try shape.add(row) }
    var bytes: [UInt8] = []
    let writer = try ParquetWriter(shape, codec: codec) { bytes += $0 }
    for row in rows { try writer.add(row) }
    try writer.finish()
    return bytes
  }

  /// Rows with everything that a column can hold, also where it is null.
  private static func all() throws -> [JSON] {
    try (0..<300).map { number in
      let truth = number % 3 == 0 ? "null" : "\(number % 2 == 0)"
      let text = number % 5 == 4 ? "null" : "\"straße \(number) \(number * 7919)\""
      let turns = (0..<number % 4).map { turn in
        let content = turn == 2 ? "null" : "\"turn \(turn)\""
        return "{\"role\": \"\(turn % 2 == 0 ? "user" : "assistant")\", \"content\": \(content)}"
      }
      let messages = number % 11 == 0 ? "null" : "[\(turns.joined(separator: ", "))]"
      let grid = (0..<number % 3).map { "\(Array(0..<$0))" }.joined(separator: ", ")
      let home = "{\"street\": \"S\", \"place\": {\"x\": 0.5, \"y\": null}}"
      return try JSON.parse(
        """
        {"id": \(number), "truth": \(truth), "ratio": \(Double(number) / 8), "word": "w\(number % 9)",
        "text": \(text), "nothing": null, "messages": \(messages), "grid": [\(grid)], "home": \(home)}
        """)
    }
  }

  @Test func writtenRowsAreReadAgain() throws {
    let all = try Self.all()
    var sizes: [Int] = []
    for codec in BlockCodec.allCases {
      let bytes = try written(all, codec: codec)
      #expect(try rows(bytes) == all.map { $0.encoded() }, "\(codec)")
      sizes.append(bytes.count)
    }
    #expect(sizes.count == 4 && sizes.dropFirst().allSatisfy { $0 < sizes[0] })
  }

  /// The bytes of a file that pyarrow reads as these rows.
  @Test func bytesAreThoseThatPyarrowReads() throws {
    let bytes = try written(try Fixtures.rows("written"), codec: .none)
    if ProcessInfo.processInfo.environment["SWIFTDP_WRITE_FIXTURES"] != nil {
      try Data(bytes).write(to: URL(fileURLWithPath: Fixtures.folder + "/written.parquet"))
    }
    #expect(bytes == (try Fixtures.bytes("written")))
  }

  @Test func manyPagesAndRowGroups() throws {
    // Distinct texts of 1 KB: 70 MB are two row groups of many pages, and no dictionary.
    let filler = String(repeating: "x", count: 1000)
    let all: [JSON] = (0..<70_000).map {
      .object(["text": .string("\($0)\(filler)"), "kind": .string("k\($0 % 3)")])
    }
    let bytes = try written(all)
    let read = try rows(bytes)
    #expect(read.count == all.count)
    for number in [0, 1, 20_000, 65_535, 69_999] { #expect(read[number] == all[number].encoded()) }
  }

  @Test func missingKeysAreNull() throws {
    let bytes = try written([.object(["a": .integer(1)]), .object(["b": .array([])]), .object([])])
    #expect(
      try rows(bytes) == [#"{"a": 1, "b": null}"#, #"{"a": null, "b": []}"#, #"{"a": null, "b": null}"#])
  }

  @Test func whatNoColumnHoldsIsRefused() throws {
    let cases: [([String], path: [String], what: String)] = [
      ([#"{"a": 1}"#, #"{"a": "x"}"#], ["a"], "is a string, and in rows before a number"),
      (
        [#"{"a": {"b": [true]}}"#, #"{"a": {"b": [null, 0.5]}}"#], ["a", "b", "[]"],
        "is a number, and in rows before true or false"
      ),
      ([#"{"a": [1, [2]]}"#], ["a", "[]"], "is a list, and in rows before a number"),
      (
        [#"{"a": 9007199254740993}"#, #"{"a": 0.5}"#], ["a"],
        "holds whole numbers above 2^53 beside others, and no type of number holds both"
      ),
    ]
    for (rows, path, what) in cases {
      let shape = ColumnShape()
      let error = #expect(throws: ColumnShape.Conflict.self) {
        for row in rows { try shape.add(try JSON.parse(row)) }
      }
      #expect(error?.path == path && error?.what == what)
    }
    #expect(cases.count == 4)
    for row in ["{}", #"{"a": {}}"#, #"{"a": [{}]}"#] {
      #expect(throws: ParquetMistake.self) { try written([try JSON.parse(row)]) }
    }
  }
}
