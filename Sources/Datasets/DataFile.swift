// The rows of a .jsonl, .json, .tsv or .csv file and the text of a .txt file, each with its line.
import Base
import Foundation
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
  enum Kind { case text, jsonLines, json, tabs, commas, words }

  /// The most bytes of one row: a row that is parsed and encoded takes many times its size in memory.
  static let longestRow = 64 << 20

  static let tooLong = RowMistake(
    "a row is longer than the \(longestRow >> 20) MiB that one may have",
    hint: "cut it into several rows, or write it as a .txt file")

  let path: String
  let kind: Kind
  private let mapped: MappedFile

  /// Whether its columns may be given by number.
  var hasNumbers: Bool { isTable || kind == .words }
  private var isTable: Bool { kind == .tabs || kind == .commas }
  var size: Int { mapped.bytes.count }
  private var bytes: UnsafeBufferPointer<UInt8> { mapped.bytes.bindMemory(to: UInt8.self) }

  /// - Throws: `UserError` for an unknown ending, a file that cannot be read, or an empty one.
  init(_ path: String) throws {
    self.path = path
    switch URL(fileURLWithPath: path).pathExtension.lowercased() {
    case "txt": kind = .text
    case "jsonl": kind = .jsonLines
    case "json": kind = .json
    case "tsv": kind = .tabs
    case "csv": kind = .commas
    case "conll": kind = .words
    default:
      throw UserError(
        .data, "the ending of the name is not known", at: path,
        hint: "use .txt, .jsonl, .json, .tsv, .csv or .conll")
    }
    mapped = try MappedFile(path)
    guard mapped.bytes.count > 0 else { throw UserError(.data, "the file is empty", at: path) }
  }

  /// - Throws: if what was read is not what the file held. Call it after everything has been read.
  func check() throws { try mapped.check() }

  /// The whole file as UTF-8, without a byte-order mark.
  /// - Throws: `UserError` with line and byte offset if the file is not UTF-8, or if it has 4 GiB.
  func text() throws -> [UInt8] {
    guard bytes.count <= Tokenizer.longestText else {
      throw UserError(
        .data, "a text of 4 GiB or more cannot be encoded", at: path, hint: "cut it into several files")
    }
    try checkUTF8()
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    guard !text.isEmpty else { throw UserError(.data, "the file is empty", at: path) }
    return Array(text)
  }

  private func checkUTF8() throws {
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      let offset = error.byteOffsets.lowerBound
      throw UserError(
        .data, "is not UTF-8 at byte offset \(offset)", at: "\(path):\(1 + newLines(in: 0..<offset))",
        hint: "convert it to UTF-8")
    }
  }

  /// The bytes of a row.
  func text(of row: FileRow) -> [UInt8] { Array(bytes[row.range]) }

  /// Calls `body` with every row until it returns false.
  /// - Parameter hasNames: whether the first line of a table names its columns; it is not a row then.
  /// - Throws: `UserError` if a .json file is not a list.
  func forEachRow(hasNames: Bool = true, _ body: (FileRow) -> Bool) throws {
    switch kind {
    case .tabs, .commas: forEachTableRow(hasNames: hasNames, body)
    case .jsonLines: forEachLine(body)
    case .words:
      var reader = CoNLLReader(text: bytes)
      while let row = reader.next() {
        guard body(row) else { return }
      }
    case .json where SquadFile.isOne(bytes):
      try SquadFile.forEachQuestion(bytes, path: path, body)
    case .json:
      var list = JSONListReader(text: bytes, path: path)
      while let (range, line) = try list.next() {
        guard body(row(range, line: line, inLine: false)) else { return }
      }
    case .text: preconditionFailure("a .txt file has no rows")
    }
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

  private func forEachTableRow(hasNames: Bool, _ body: (FileRow) -> Bool) {
    var reader = TableReader(text: bytes, isQuoted: kind == .commas)
    var names: [[UInt8]]?
    while let row = reader.next() {
      if names == nil, case .success(let fields) = row.fields {
        names = TableReader.names(fields, hasNames)
        if hasNames { continue }
      }
      let json = row.fields.flatMap { fields in
        TableReader.object(fields, names: names ?? [], hasNames: hasNames)
      }
      guard body(FileRow(line: row.line, json: json)) else { return }
    }
  }

  private func forEachLine(_ body: (FileRow) -> Bool) {
    guard let base = bytes.baseAddress else { return }
    var start = 0
    var line = 1
    while start < bytes.count {
      // Do not read to the end: a sparse file may claim any length.
      let limit = min(bytes.count, start + Self.longestRow + 1)
      let found = memchr(base + start, 0x0A, limit - start)
      let end = found.map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? limit
      let blank = bytes[start..<end].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      let isTooLong = end - start > Self.longestRow
      if !blank || isTooLong, !body(row(start..<end, line: line, inLine: true)) { return }
      // The beginning of the next row is not known.
      if isTooLong { return }
      start = end + 1
      line += 1
    }
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
