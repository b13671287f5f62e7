// Files that pyarrow and duckdb wrote, read as pyarrow reads them (Tests/Fixtures/make_parquet_fixtures.py).
import Base
import Foundation
import Parquet
import Testing

/// The files of Tests/Fixtures/parquet.
enum Fixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/parquet").path

  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".parquet") }
      .map { String($0.dropLast(8)) }.sorted()
  }

  static func bytes(_ name: String) throws -> [UInt8] { try OpenFile.contents("\(folder)/\(name).parquet") }

  /// The rows that the file must have.
  static func rows(_ name: String) throws -> [JSON] {
    try String(contentsOfFile: "\(folder)/\(name).jsonl", encoding: .utf8).split(separator: "\n")
      .map { try JSON.parse(String($0)) }
  }
}

/// All rows of a file, as JSON text, where NaN is null.
func rows(
  _ bytes: [UInt8], columns: Set<String>? = nil, longest: Int = 1 << 20, most: Int = .max
) throws -> [String] {
  var rows: [String] = []
  try bytes.withUnsafeBytes { bytes in
    try ParquetFile(bytes).forEachRow(
      columns: columns.map { Set($0.map { Array($0.utf8) }) }, longest: longest
    ) {
      number, json in
      rows.append(json.encoded())
      #expect(number == rows.count)
      return rows.count < most
    }
  }
  return rows
}

@Suite struct ParquetFileTests {
  @Test func rowsAreThoseOfPyarrow() throws {
    let names = try Fixtures.names()
    for name in names {
      let expected = try Fixtures.rows(name)
      #expect(try rows(try Fixtures.bytes(name)) == expected.map { $0.encoded() }, "\(name)")
      #expect(!expected.isEmpty)
    }
    #expect(names.count == 22)
  }

  @Test func countsAndNamesStandInTheFile() throws {
    let bytes = try Fixtures.bytes("nested_zstd")
    try bytes.withUnsafeBytes { bytes in
      let file = try ParquetFile(bytes)
      #expect(file.rowCount == 5)
      #expect(
        file.columns.map { String(decoding: $0, as: UTF8.self) }
          == ["messages", "grid", "person", "settings", "numbered", "id"])
    }
  }

  @Test func onlyWantedColumnsAreDecoded() throws {
    // The pages of this file have checksums.
    var bytes = try Fixtures.bytes("nested_none")
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("turn 3".utf8)) })
    bytes[place] ^= 1
    let error = #expect(throws: ParquetMistake.self) { try rows(bytes) }
    #expect(
      error?.what
        == "column \"messages.list.element.content\" is damaged: a page has another checksum than it should")
    #expect(try rows(bytes, columns: ["id"]) == (0..<5).map { "{\"id\": \($0)}" })
    #expect(try rows(bytes, columns: ["id", "other"], most: 2).count == 2)
  }

  @Test func rowsHaveALimit() throws {
    let bytes = try Fixtures.bytes("nested_none")
    #expect(throws: ParquetRowTooLong.self) { try rows(bytes, longest: 600) }
    #expect(try rows(bytes, longest: 4000).count == 5)
  }

  @Test func cutFilesAreRefused() throws {
    let bytes = try Fixtures.bytes("pages")
    var refused = 0
    for length in stride(from: 0, to: bytes.count, by: 13) {
      #expect(throws: ParquetMistake.self) { try rows(Array(bytes[..<length])) }
      refused += 1
    }
    #expect(refused == (bytes.count + 12) / 13)
    #expect(throws: ParquetMistake.self) { try rows(Array("text".utf8)) }
  }

  /// Whatever a byte becomes, a file is read or refused.
  @Test func damagedFilesEndInAMistake() throws {
    var stream = PhiloxStream(seed: 7, stream: 3)
    var (read, refused) = (0, 0)
    for name in [
      "scalars", "delta_v2", "split", "nested_snappy", "nested_v2", "pages", "duckdb_zstd", "truths",
    ] {
      let whole = try Fixtures.bytes(name)
      for _ in 0..<150 {
        var bytes = whole
        for _ in 0...stream.below(3) { bytes[stream.below(bytes.count)] = UInt8(stream.below(256)) }
        do {
          _ = try rows(bytes, longest: 1 << 16, most: 1000)
          read += 1
        } catch {
          #expect(error is ParquetMistake || error is ParquetRowTooLong, "\(error)")
          refused += 1
        }
      }
    }
    #expect(read + refused == 1200 && read > 100 && refused > 100, "\(read) \(refused)")
  }

  @Test func levelsOfOldFiles() throws {
    // 2, 0, 1, 3, 1 in two bits each, the highest bit first.
    let bytes: [UInt8] = [0b1000_0111, 0b0100_0000]
    try bytes.withUnsafeBytes { bytes in
      var levels = try Levels(bytes, most: 3, isPacked: true)
      #expect(try (0..<5).map { _ in try levels.next() } == [2, 0, 1, 3, 1])
      var low = try Levels(bytes, most: 2, isPacked: true)
      #expect(throws: ParquetMistake.self) { for _ in 0..<5 { _ = try low.next() } }
    }
  }

  @Test func datesOfAllCenturies() {
    let cases: [(Int64, String)] = [
      (0, "1970-01-01"), (-1, "1969-12-31"), (11_016, "2000-02-29"), (-719_162, "0001-01-01"),
      (-719_163, "0000-12-31"), (2_932_896, "9999-12-31"), (47_541, "2100-03-01"),
    ]
    for (days, text) in cases { #expect(CalendarText.date(days: days) == text) }
    #expect(cases.count == 7)
    #expect(CalendarText.timestamp(-1, .microseconds, isUTC: true) == "1969-12-31T23:59:59.999999Z")
    for extreme in [Int64.min, .max] {
      #expect(CalendarText.timestamp(extreme, .nanoseconds, isUTC: false).count == 29)
      #expect(!CalendarText.date(days: extreme).isEmpty)
    }
  }
}
