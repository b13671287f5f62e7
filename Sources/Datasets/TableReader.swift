// The rows of a table in text: .csv as RFC 4180 says, and .tsv without quoting.
import Base

/// Cuts a text into rows and fields. Empty lines are no rows.
struct TableReader {
  /// One row, with the line that it begins on, from 1.
  struct Row {
    var line: Int
    var fields: Result<[[UInt8]], RowMistake>
  }

  private let text: UnsafeBufferPointer<UInt8>
  /// Whether fields may be in quotes, and commas part them; otherwise tabs do, and quotes are letters.
  private let isQuoted: Bool
  private let separator: UInt8
  private var at = 0
  private var line = 1

  /// Where the next row begins.
  var position: Int { at }

  /// - Parameters:
  ///   - text: UTF-8; a byte-order mark at its beginning is passed over.
  ///   - part: which begins and ends with a row; nil for all.
  init(text: UnsafeBufferPointer<UInt8>, isQuoted: Bool, in part: Range<Int>? = nil) {
    self.text = UnsafeBufferPointer(rebasing: text[..<(part?.upperBound ?? text.count)])
    self.isQuoted = isQuoted
    separator = isQuoted ? UInt8(ascii: ",") : 0x09
    at = part?.lowerBound ?? 0
    if at == 0, text.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
  }

  /// The next row; nil at the end. Rows behind a mistake begin at the next line.
  mutating func next() -> Row? {
    while endsLine() { passLineEnd() }
    guard at < text.count else { return nil }
    let (start, startLine) = (at, line)
    var fields: [[UInt8]] = []
    while true {
      do throws(RowMistake) { fields.append(try field(rowStart: start)) } catch {
        return failure(startLine, error)
      }
      guard at < text.count, text[at] == separator else { break }
      at += 1
    }
    if let mistake = notUTF8(start..<at) { return failure(startLine, mistake) }
    passLineEnd()
    return Row(line: startLine, fields: .success(fields))
  }

  private mutating func failure(_ startLine: Int, _ mistake: RowMistake) -> Row {
    while at < text.count, text[at] != 0x0A { at += 1 }
    passLineEnd()
    return Row(line: startLine, fields: .failure(mistake))
  }

  private mutating func field(rowStart: Int) throws(RowMistake) -> [UInt8] {
    if isQuoted, at < text.count, text[at] == UInt8(ascii: "\"") {
      return try quotedField(rowStart: rowStart)
    }
    let start = at
    while at < text.count, text[at] != separator, !endsLine() {
      guard at - rowStart <= DataFile.longestRow else { throw tooLong() }
      if isQuoted, text[at] == UInt8(ascii: "\"") {
        throw RowMistake(
          "has a quote in a field that is not in quotes",
          hint: "put the whole field in quotes, and write each quote in it twice")
      }
      at += 1
    }
    return Array(text[start..<at])
  }

  /// A field that begins with a quote. It may hold separators and line ends; two quotes stand for one.
  private mutating func quotedField(rowStart: Int) throws(RowMistake) -> [UInt8] {
    var field: [UInt8] = []
    at += 1
    while at < text.count {
      let byte = text[at]
      at += 1
      if byte == 0x0A { line += 1 }
      guard byte == UInt8(ascii: "\"") else {
        field.append(byte)
        guard at - rowStart <= DataFile.longestRow else { throw tooLong() }
        continue
      }
      if at < text.count, text[at] == byte {
        field.append(byte)
        at += 1
        continue
      }
      guard at >= text.count || text[at] == separator || endsLine() else {
        throw RowMistake(
          "has text after the quote that ends a field", hint: "write a quote inside of a field twice")
      }
      return field
    }
    throw RowMistake("has a field in quotes without an end", hint: "is a quote missing?")
  }

  /// Nothing after such a row is read, since a sparse file may claim any length.
  private mutating func tooLong() -> RowMistake {
    at = text.count
    return DataFile.tooLong
  }

  private func notUTF8(_ range: Range<Int>) -> RowMistake? {
    do {
      _ = try UTF8Span(validating: UnsafeBufferPointer(rebasing: text[range]).span)
      return nil
    } catch {
      return RowMistake(
        "is not UTF-8 at byte offset \(range.lowerBound + error.byteOffsets.lowerBound)",
        hint: "convert it to UTF-8")
    }
  }

  /// Whether a line ends here: with a line feed, or with a carriage return before it.
  private func endsLine() -> Bool {
    guard at < text.count else { return false }
    return text[at] == 0x0A || (text[at] == 0x0D && at + 1 < text.count && text[at + 1] == 0x0A)
  }

  private mutating func passLineEnd() {
    guard at < text.count else { return }
    if text[at] == 0x0D { at += 1 }
    if at < text.count, text[at] == 0x0A {
      at += 1
      line += 1
    }
  }
}

extension TableReader {
  /// The names of the columns by the first row, or their numbers.
  static func names(_ first: [[UInt8]], _ hasNames: Bool) -> [[UInt8]] {
    hasNames ? first : first.indices.map { Array(String($0).utf8) }
  }

  /// A row with its names.
  static func object(_ fields: [[UInt8]], names: [[UInt8]], hasNames: Bool) -> Result<JSON, RowMistake> {
    guard fields.count == names.count else {
      let first = hasNames ? "the first line names \(names.count)" : "the first row has \(names.count)"
      return .failure(RowMistake("has \(counted(fields.count, "field")), and \(first)"))
    }
    return .success(.object(zip(names, fields).map { JSON.Member(key: $0, value: .string($1)) }))
  }
}
