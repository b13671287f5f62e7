// Reads the rows of a Parquet file, one row group after the other.
import Base

package struct ParquetFile {
  private let bytes: UnsafeRawBufferPointer
  private let schema: Schema
  /// Where the list of row groups stands, of which one at a time is in memory.
  private let groups: ThriftReader?
  package let rowCount: Int64

  private static let mark: [UInt8] = Array("PAR1".utf8)
  /// More columns than any table has.
  private static let mostElements = 1 << 16

  /// - Parameter bytes: the whole file, which somebody else keeps as long as this value lives.
  /// - Throws: `ParquetMistake`.
  package init(_ bytes: UnsafeRawBufferPointer) throws {
    self.bytes = bytes
    let end = bytes.suffix(4)
    guard bytes.count >= 12, bytes.starts(with: Self.mark), end.elementsEqual(Self.mark) else {
      guard !end.elementsEqual("PARE".utf8) else {
        throw ParquetMistake("is encrypted, which is not built in")
      }
      throw ParquetMistake(
        bytes.starts(with: Self.mark)
          ? "is cut: the mark of Parquet at its end is missing" : "is not a Parquet file",
        hint: "was it copied or downloaded whole?")
    }
    let size = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt32.self))
    let footer = try bytes.part(from: Int64(bytes.count) - 8 - Int64(size), count: Int64(size))
    var elements: [SchemaElement] = []
    var groups: ThriftReader?
    var rowCount: Int64 = 0
    var reader = ThriftReader(ByteCursor(footer))
    try reader.structure { reader, field in
      switch field.id {
      case 2:
        try reader.list(field) { reader, _ in
          guard elements.count < Self.mostElements else {
            throw ParquetMistake("has more than \(Self.mostElements) columns")
          }
          elements.append(try SchemaElement(&reader))
        }
      case 3: rowCount = try reader.integer(field)
      case 4:
        guard field.kind == .list else { throw ParquetMistake.damaged("it has no list of row groups") }
        groups = reader
        try reader.skip(field)
      default: try reader.skip(field)
      }
    }
    schema = try Schema(elements)
    self.groups = groups
    self.rowCount = rowCount
  }

  /// The names of the columns at the top, UTF-8.
  package var columns: [[UInt8]] { schema.nodes.map(\.name) }

  /// The bytes of each row group, as they lie in the file.
  /// - Throws: `ParquetMistake`.
  package func groupSizes() throws -> [Int] {
    guard var reader = groups else { return [] }
    var sizes: [Int] = []
    try reader.list(ThriftReader.Field(id: 4, kind: .list)) { reader, _ in
      let group = try RowGroup(&reader, leaves: schema.columns.count)
      sizes.append(group.columns.reduce(0) { $0 + Int(min(max(0, $1.size), Int64(bytes.count))) })
    }
    return sizes
  }

  /// Calls `body` with every row and its number, from 1, until it returns false.
  /// - Parameters:
  ///   - columns: those at the top that are wanted; all if nil.
  ///   - chosen: the row groups that are read; all if nil.
  ///   - longest: how many bytes a row may have.
  ///   - release: called with bytes of the file that are not read again.
  /// - Throws: `ParquetMistake`, `ParquetRowTooLong`, and what `body` throws.
  package func forEachRow(
    columns: Set<[UInt8]>? = nil, in chosen: Range<Int>? = nil, longest: Int,
    release: (Range<Int>) -> Void = { _ in },
    _ body: (_ row: Int, _ json: JSON) throws -> Bool
  ) throws {
    guard var reader = groups else { return }
    let nodes = schema.nodes.filter { columns?.contains($0.name) ?? true }
    var number = 0
    var goesOn = true
    var place = 0
    try reader.list(ThriftReader.Field(id: 4, kind: .list)) { reader, _ in
      guard goesOn else { return }
      let group = try RowGroup(&reader, leaves: schema.columns.count)
      defer { place += 1 }
      guard chosen?.contains(place) ?? true else { return }
      var assembly = try RowAssembly(nodes, of: schema, group, in: bytes, longest: longest)
      for _ in 0..<group.rowCount {
        number += 1
        goesOn = try body(number, try assembly.row())
        guard goesOn else { return }
      }
      for chunk in group.columns {
        // A chunk that nobody wanted may lie anywhere.
        guard let part = try? bytes.part(from: chunk.start, count: chunk.size), let start = part.baseAddress,
          let base = bytes.baseAddress
        else { continue }
        release(start - base..<start - base + part.count)
      }
    }
  }
}
