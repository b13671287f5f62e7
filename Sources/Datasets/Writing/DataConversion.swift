// The rows of data files, written as a file of another kind.
import Base
import Compression
import Parquet

package struct DataConversion {
  private let files: [String]
  private let target: DataFileKind
  private let form: CompressedForm?
  private let codec: BlockCodec

  /// - Parameters:
  ///   - files: read one behind the other.
  ///   - target: the name of the new file, whose ending says what it is.
  ///   - codec: of the pages of Parquet.
  /// - Throws: `UserError` where an ending is not known, or is one that is only read.
  package init(_ files: [String], to target: String, codec: BlockCodec) throws {
    self.files = files
    self.codec = codec
    (self.target, form) = try DataFileKind.checked(target)
    guard self.target != .words else {
      throw UserError(.usage, ".conll files are only read", at: target, hint: "convert to .jsonl")
    }
    for file in files where !StandardInput.isNamed(file) { _ = try DataFileKind.checked(file) }
  }

  /// Reads all rows and writes them: row by row, with a pass before it where the kind of file must know its columns
  /// first. Memory does not grow with the rows, but for a row group of Parquet.
  /// - Parameters:
  ///   - sink: takes the bytes of the new file in their order.
  ///   - progress: called with the number of rows that were written, many times.
  /// - Returns: the number of rows.
  /// - Throws: `UserError` for the first file or row that cannot be read, or not be written so.
  package func run(into sink: @escaping ByteSink, progress: (Int) -> Void) throws -> Int {
    let compression = form?.compression()
    let writer = try writer { part in
      if let compression { try compression.feed(part, sink) } else { try sink(part) }
    }
    var count = 0
    try forEachRow { row in
      try writer.add(row)
      count += 1
      progress(count)
    }
    try writer.finish()
    try compression?.finish(sink)
    return count
  }

  private func writer(_ sink: @escaping ByteSink) throws -> any RowWriter {
    switch target {
    case .jsonLines, .json: return JSONRowWriter(isList: target == .json, sink)
    case .tabs, .commas:
      return try TableRowWriter(names: try columnNames(), isQuoted: target == .commas, sink)
    case .text:
      let names = try columnNames()
      guard names.count == 1 else {
        let shown = names.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")
        throw UserError(
          .data, "has \(names.count) columns, and a .txt file one: \(shortened(shown))", at: files[0],
          hint: "convert to .jsonl or .csv")
      }
      return TextRowWriter(column: names[0], sink)
    case .parquet:
      do { return ParquetRowWriter(try ParquetWriter(try shape(), codec: codec, sink)) } catch let mistake
        as ParquetMistake
      { throw UserError(.data, mistake.what, at: files[0], hint: mistake.hint) }
    case .words: preconditionFailure("such files are refused")
    }
  }

  /// The keys of all rows, as they come.
  private func columnNames() throws -> [[UInt8]] {
    var names: [[UInt8]] = []
    var seen: Set<[UInt8]> = []
    try forEachRow { row in
      for member in row.json.members ?? [] where seen.insert(member.key).inserted { names.append(member.key) }
    }
    guard !names.isEmpty else { throw UserError(.data, "no row has a column", at: files[0]) }
    return names
  }

  private func shape() throws -> ColumnShape {
    let shape = ColumnShape()
    try forEachRow { row in
      do throws(ColumnShape.Conflict) { try shape.add(row.json) } catch {
        let column = error.path.joined(separator: ".").replacing(".[]", with: "[]")
        throw RowMistake("\"\(column)\" \(error.what)", hint: error.hint)
      }
    }
    return shape
  }

  private func forEachRow(_ body: (SourceRow) throws -> Void) throws {
    try SourceRows(files).read(body)
  }
}
