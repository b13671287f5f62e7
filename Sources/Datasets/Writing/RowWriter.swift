// Rows on their way into a data file.
import Base
import Compression
import Parquet

/// Writes rows of one kind of file.
protocol RowWriter: AnyObject {
  /// - Throws: `RowMistake` for what the kind of file cannot say, and what the sink throws.
  func add(_ row: SourceRow) throws
  func finish() throws
}

/// Collects small parts for a sink.
final class PartBuffer {
  private var bytes: [UInt8] = []
  private let sink: ByteSink
  private static let size = 1 << 18

  init(_ sink: @escaping ByteSink) { self.sink = sink }

  func append(_ part: [UInt8]) throws { try append { $0.append(contentsOf: part) } }

  /// - Parameter write: adds a part to the bytes.
  func append(_ write: (inout [UInt8]) -> Void) throws {
    write(&bytes)
    if bytes.count >= Self.size { try flush() }
  }

  func flush() throws {
    try bytes.withUnsafeBytes(sink)
    bytes.removeAll(keepingCapacity: true)
  }
}

/// A row a line, or a list of rows.
final class JSONRowWriter: RowWriter {
  private let out: PartBuffer
  private let isList: Bool
  private var isFirst = true

  init(isList: Bool, _ sink: @escaping ByteSink) {
    out = PartBuffer(sink)
    self.isList = isList
  }

  func add(_ row: SourceRow) throws {
    if isList { try out.append(Array((isFirst ? "[\n" : ",\n").utf8)) }
    isFirst = false
    try out.append { bytes in
      if let line = row.line { bytes.append(contentsOf: line) } else { row.json.write(to: &bytes) }
      if !isList { bytes.append(0x0A) }
    }
  }

  func finish() throws {
    if isList { try out.append(Array((isFirst ? "[]\n" : "\n]\n").utf8)) }
    try out.flush()
  }
}

/// The one column of a text, a row a line.
final class TextRowWriter: RowWriter {
  private let out: PartBuffer
  private let column: [UInt8]

  init(column: [UInt8], _ sink: @escaping ByteSink) {
    out = PartBuffer(sink)
    self.column = column
  }

  func add(_ row: SourceRow) throws {
    let name = String(decoding: column, as: UTF8.self)
    guard let text = row.json.members?.first(where: { $0.key == column })?.value.bytes else {
      throw RowMistake("\"\(name)\" is no string, which a .txt file cannot say", hint: "convert to .jsonl")
    }
    guard !text.contains(where: { $0 == 0x0A || $0 == 0x0D }) else {
      throw RowMistake(
        "\"\(name)\" has a line end, and in a .txt file a row is a line", hint: "convert to .jsonl")
    }
    try out.append(text + [0x0A])
  }

  func finish() throws { try out.flush() }
}

final class ParquetRowWriter: RowWriter {
  private let writer: ParquetWriter

  init(_ writer: ParquetWriter) { self.writer = writer }

  func add(_ row: SourceRow) throws { try writer.add(row.json) }
  func finish() throws { try writer.finish() }
}
