// The rows of a .jsonl, .json, .tsv, .csv or .parquet file and the text of a .txt file, each with its line.
import Base
import Foundation
import Parquet
import Tokenizers

/// One row as it stands in its file.
struct FileRow {
  /// The line, from 1, where the row begins, or where it stops being JSON.
  var line: Int
  /// An object; of a table, with the names of its columns, or their numbers.
  var json: Result<JSON, RowMistake>
  /// Where it stands, without the end of its line.
  var range = 0..<0
}

/// One data file, opened.
struct DataFile {
  /// The most bytes of one row: a row that is parsed and encoded takes many times its size in memory.
  static let longestRow = 64 << 20

  static let tooLong = RowMistake(
    "a row is longer than the \(longestRow >> 20) MiB that one may have",
    hint: "cut it into several rows, or write it as a .txt file")

  let path: String
  let kind: DataFileKind
  private let held: DataBytes
  /// Whether its bytes are not those of the disk.
  let isCompressed: Bool

  /// Whether its columns may be given by number.
  var hasNumbers: Bool { isTable || kind == .words }
  private var isTable: Bool { kind == .tabs || kind == .commas }
  var size: Int { held.bytes.count }
  var bytes: UnsafeBufferPointer<UInt8> { held.bytes.bindMemory(to: UInt8.self) }

  /// - Throws: `UserError` for an unknown ending, a file that cannot be read, or an empty one.
  init(_ path: String) throws {
    self.path = path
    // The ending is known before a large file is decompressed.
    let named = StandardInput.isNamed(path) ? nil : try DataFileKind.checked(path)
    held = try DataBytes(path)
    kind = named?.kind ?? DataFileKind.seen(in: held.bytes)
    isCompressed = named?.form != nil
    guard held.bytes.count > 0 else { throw UserError(.data, "the file is empty", at: path) }
  }

  /// - Throws: if what was read is not what the file held. Call it after everything has been read.
  func check() throws { try held.check() }

  /// The whole file as UTF-8, without a byte-order mark.
  /// - Throws: `UserError` with line and byte offset if the file is not UTF-8, or if it has 4 GiB.
  func text() throws -> [UInt8] {
    guard bytes.count <= Tokenizer.longestText else {
      throw UserError(
        .data, "a text of 4 GiB or more cannot be encoded", at: path, hint: "cut it into several files")
    }
    return try text(in: 0..<size)
  }

  /// Part of it.
  func text(in range: Range<Int>) throws -> [UInt8] {
    try checkUTF8(range)
    var text = bytes[range]
    if range.lowerBound == 0, text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text[3...] }
    guard !text.isEmpty else { throw UserError(.data, "the file is empty", at: path) }
    return Array(text)
  }

  private func checkUTF8(_ range: Range<Int>) throws {
    do {
      _ = try UTF8Span(validating: UnsafeBufferPointer(rebasing: bytes[range]).span)
    } catch {
      let offset = range.lowerBound + error.byteOffsets.lowerBound
      throw UserError(
        .data, "is not UTF-8 at byte offset \(offset)", at: "\(path):\(1 + newLines(in: 0..<offset))",
        hint: "convert it to UTF-8")
    }
  }

  /// The bytes of a row.
  func text(of row: FileRow) -> [UInt8] { Array(bytes[row.range]) }

  /// Calls `body` with every row until it returns false.
  /// - Parameters:
  ///   - hasNames: whether the first line of a table names its columns; it is not a row then.
  ///   - columns: those that `body` looks at, so that others need not be read; nil for all.
  ///   - piece: one that `pieces` gave.
  /// - Throws: `UserError` if a .json file is not a list, or a .parquet file is damaged.
  func forEachRow(
    hasNames: Bool = true, columns: Set<String>? = nil, in piece: FilePiece = .whole,
    _ body: (FileRow) -> Bool
  ) throws {
    let part = if case .bytes(let range) = piece { range } else { 0..<size }
    switch kind {
    case .parquet: try forEachParquetRow(columns: columns, in: piece, body)
    case .text: try forEachTextLine(body)
    case .tabs, .commas: forEachTableRow(hasNames: hasNames, in: part, body)
    case .jsonLines: forEachLine(in: part, body)
    case .words:
      var reader = CoNLLReader(text: bytes)
      while let row = reader.next() {
        guard body(row) else { return }
      }
    case .json where SquadFile.isOne(bytes):
      try SquadFile.forEachQuestion(bytes, path: path, body)
    case .json:
      var list = JSONListReader(text: bytes, path: path)
      var released = 0
      while let (range, line) = try list.next() {
        guard body(row(range, line: line, inLine: false)) else { return }
        release(before: range.upperBound, &released)
      }
    }
  }

  /// Some columns of the first row of a .parquet file; nil if it has none, or cannot be read, and for other files.
  func firstParquetRow(columns: Set<String>) -> JSON? {
    guard kind == .parquet else { return nil }
    var first: JSON?
    try? forEachParquetRow(columns: columns, in: .whole) { row in
      first = try? row.json.get()
      return false
    }
    return first
  }

  /// The names of the columns of a table, or their numbers, as a row that has itself for values; nil for other files.
  func columns(hasNames: Bool) -> FileRow? {
    guard isTable else { return nil }
    var reader = TableReader(text: bytes, isQuoted: kind == .commas)
    guard let first = reader.next() else { return nil }
    return FileRow(
      line: first.line,
      json: first.fields.map {
        .object(TableReader.names($0, hasNames).map { JSON.Member(key: $0, value: .string($0)) })
      })
  }

  /// The bytes of each row group of a .parquet file.
  func parquetGroups() throws -> [Int] { try ParquetFile(held.bytes).groupSizes() }

  private func forEachParquetRow(
    columns: Set<String>?, in piece: FilePiece, _ body: (FileRow) -> Bool
  ) throws {
    let groups: Range<Int>? = if case .groups(let groups) = piece { groups } else { nil }
    var last = 0
    do {
      let file = try ParquetFile(held.bytes)
      let wanted = columns.map { Set($0.map { Array($0.utf8) }) }
      try file.forEachRow(
        columns: wanted, in: groups, longest: Self.longestRow, release: held.release
      ) { number, json in
        last = number
        return body(FileRow(line: number, json: .success(json)))
      }
    } catch let mistake as ParquetMistake {
      throw UserError(.data, mistake.what, at: last > 0 ? "\(path):\(last + 1)" : path, hint: mistake.hint)
    } catch is ParquetRowTooLong {
      // What stands behind such a row is not read, as in other files.
      _ = body(FileRow(line: last + 1, json: .failure(Self.tooLong)))
    }
  }

  private func forEachTableRow(hasNames: Bool, in part: Range<Int>, _ body: (FileRow) -> Bool) {
    var names: [[UInt8]]?
    if part.lowerBound > 0 {
      var first = TableReader(text: bytes, isQuoted: kind == .commas)
      while names == nil, let row = first.next() {
        names = (try? row.fields.get()).map { TableReader.names($0, hasNames) }
      }
    }
    var reader = TableReader(text: bytes, isQuoted: kind == .commas, in: part)
    var released = part.lowerBound
    while let row = reader.next() {
      if names == nil, case .success(let fields) = row.fields {
        names = TableReader.names(fields, hasNames)
        if hasNames { continue }
      }
      let json = row.fields.flatMap { fields in
        TableReader.object(fields, names: names ?? [], hasNames: hasNames)
      }
      guard body(FileRow(line: row.line, json: json)) else { return }
      release(before: reader.position, &released)
    }
  }

  private func forEachLine(in part: Range<Int>, _ body: (FileRow) -> Bool) {
    forEachRange(in: part) { range, line in
      let blank = bytes[range].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      return blank && range.count <= Self.longestRow || body(row(range, line: line, inLine: true))
    }
  }

  /// Every line as a row `{"text": …}`, also an empty one.
  private func forEachTextLine(_ body: (FileRow) -> Bool) throws {
    let mark = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    forEachRange(in: 0..<size) { range, line in
      guard range.count <= Self.longestRow else {
        return body(FileRow(line: line, json: .failure(Self.tooLong)))
      }
      let start = range.lowerBound == 0 ? mark : range.lowerBound
      var text = Array(bytes[start..<range.upperBound])
      if text.last == 0x0D { text.removeLast() }
      guard (try? UTF8Span(validating: text.span)) != nil else {
        let mistake = RowMistake("is not UTF-8", hint: "convert it to UTF-8")
        return body(FileRow(line: line, json: .failure(mistake)))
      }
      let json = JSON.object([JSON.Member(key: Array("text".utf8), value: .string(text))])
      return body(FileRow(line: line, json: .success(json), range: range))
    }
  }

  /// Calls `body` with each line, without its end, until it returns false.
  private func forEachRange(in part: Range<Int>, _ body: (_ range: Range<Int>, _ line: Int) -> Bool) {
    guard let base = bytes.baseAddress else { return }
    var start = part.lowerBound
    var line = 1
    var released = start
    while start < part.upperBound {
      // Do not read to the end: a sparse file may claim any length.
      let limit = min(part.upperBound, start + Self.longestRow + 1)
      let found = memchr(base + start, 0x0A, limit - start)
      let end = found.map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? limit
      // The beginning of the row behind one that is too long is not known.
      guard body(start..<end, line), end - start <= Self.longestRow else { return }
      start = end + 1
      line += 1
      release(before: start, &released)
    }
  }

  /// Takes a part out of this process's memory, which a later read brings back.
  func release(_ part: Range<Int>) { held.release(part) }

  /// Takes what was read out of this process's memory, a large part at a time.
  private func release(before end: Int, _ released: inout Int) {
    guard end - released >= 16 << 20 else { return }
    held.release(released..<min(end, bytes.count))
    released = end
  }

  private func row(_ range: Range<Int>, line: Int, inLine: Bool) -> FileRow {
    guard range.count <= Self.longestRow else {
      return FileRow(line: line, json: .failure(Self.tooLong))
    }
    do throws(JSON.ParseError) {
      let json = try JSON.parse(UnsafeBufferPointer(rebasing: bytes[range]), takesLargeNumbers: true)
      return FileRow(line: line, json: .success(json), range: range)
    } catch {
      let offset = range.lowerBound + error.offset
      let place = inLine ? "byte \(error.offset) of the line" : "byte offset \(offset)"
      let mistake = RowMistake(
        "is not JSON: \(error.reason) at \(place)",
        hint: inLine ? "a .jsonl file holds one object a line" : "a .json file holds one list of objects")
      return FileRow(line: line + newLines(in: range.lowerBound..<offset), json: .failure(mistake))
    }
  }

  private func newLines(in range: Range<Int>) -> Int {
    bytes[range].reduce(into: 0) { if $1 == 0x0A { $0 += 1 } }
  }
}
