// What the end of a Parquet file says about it, and what stands before each page (parquet.thrift).
import Compression

/// One element of the schema, in the order of a walk from the root.
struct SchemaElement {
  var name: [UInt8] = []
  var physical: Int?
  var length = 0
  /// 0 required, 1 optional, 2 repeated.
  var repetition = 0
  /// Groups have it.
  var children: Int?
  var converted: Int?
  var scale = 0
  var logical: LogicalType?

  init(_ reader: inout ThriftReader) throws {
    try reader.structure { reader, field in
      switch field.id {
      case 1: physical = try reader.int(field)
      case 2: length = try reader.int(field)
      case 3: repetition = try reader.int(field)
      case 4: name = try reader.binary(field)
      case 5:
        let count = try reader.int(field)
        guard count >= 0 else { throw ParquetMistake.damaged("a column has \(count) parts") }
        children = count
      case 6: converted = try reader.int(field)
      case 7: scale = try reader.int(field)
      case 10: logical = try LogicalType(&reader, field)
      default: try reader.skip(field)
      }
    }
  }
}

/// What a column means beyond its bits, as newer files say it.
enum LogicalType {
  case text, map, list, date, null, uuid, half, json, binary, interval
  case decimal(scale: Int)
  case time(TimeUnit)
  case timestamp(TimeUnit, isUTC: Bool)
  case integer(isSigned: Bool)

  /// nil for one that is not known, which then counts for nothing.
  init?(_ reader: inout ThriftReader, _ field: ThriftReader.Field) throws {
    var found: LogicalType?
    try reader.structure(field) { reader, field in
      switch field.id {
      case 5: found = .decimal(scale: try Self.decimalScale(&reader, field))
      case 7, 8: found = try Self.time(&reader, field)
      case 10: found = .integer(isSigned: try Self.isSigned(&reader, field))
      default:
        found = Self.plain[field.id]
        try reader.skip(field)
      }
    }
    guard let found else { return nil }
    self = found
  }

  /// Those without settings, by the number of their field.
  private static let plain: [Int: LogicalType] = [
    1: .text, 2: .map, 3: .list, 4: .text, 6: .date, 11: .null, 12: .json, 13: .binary, 14: .uuid, 15: .half,
  ]

  private static func decimalScale(
    _ reader: inout ThriftReader, _ field: ThriftReader.Field
  ) throws -> Int {
    var scale = 0
    try reader.structure(field) { reader, field in
      if field.id == 1 { scale = try reader.int(field) } else { try reader.skip(field) }
    }
    return scale
  }

  private static func isSigned(_ reader: inout ThriftReader, _ field: ThriftReader.Field) throws -> Bool {
    var isSigned = true
    try reader.structure(field) { reader, field in
      if field.id == 2 { isSigned = try reader.bool(field) } else { try reader.skip(field) }
    }
    return isSigned
  }

  private static func time(_ reader: inout ThriftReader, _ field: ThriftReader.Field) throws -> LogicalType {
    let isTimestamp = field.id == 8
    var isUTC = false
    var unit = TimeUnit.milliseconds
    try reader.structure(field) { reader, field in
      switch field.id {
      case 1: isUTC = try reader.bool(field)
      case 2:
        try reader.structure(field) { reader, field in
          unit = TimeUnit(rawValue: field.id) ?? unit
          try reader.skip(field)
        }
      default: try reader.skip(field)
      }
    }
    return isTimestamp ? .timestamp(unit, isUTC: isUTC) : .time(unit)
  }
}

package enum TimeUnit: Int {
  case milliseconds = 1
  case microseconds, nanoseconds

  /// Digits of a second's fraction.
  var digits: Int { rawValue * 3 }
  var perSecond: Int64 { [1_000, 1_000_000, 1_000_000_000][rawValue - 1] }
}

/// The values of a column within a row group.
struct ColumnChunk {
  var physical = -1
  var codec = 0
  var valueCount: Int64 = 0
  var size: Int64 = 0
  var dataStart: Int64 = 0
  var dictionaryStart: Int64 = 0
  var isElsewhere = false
  var isEncrypted = true

  init(_ reader: inout ThriftReader) throws {
    try reader.structure { reader, field in
      switch field.id {
      case 1: isElsewhere = !(try reader.binary(field).isEmpty)
      case 3:
        isEncrypted = false
        try reader.structure(field) { reader, field in
          switch field.id {
          case 1: physical = try reader.int(field)
          case 4: codec = try reader.int(field)
          case 5: valueCount = try reader.integer(field)
          case 7: size = try reader.integer(field)
          case 9: dataStart = try reader.integer(field)
          case 11: dictionaryStart = try reader.integer(field)
          default: try reader.skip(field)
          }
        }
      default: try reader.skip(field)
      }
    }
  }

  /// Some programs write 0 for no dictionary.
  var start: Int64 {
    dictionaryStart > 0 && dictionaryStart < dataStart ? dictionaryStart : dataStart
  }

  /// - Throws: for codecs that are not built in.
  func blockCodec() throws -> BlockCodec {
    switch codec {
    case 0: return .none
    case 1: return .snappy
    case 2: return .gzip
    case 6: return .zstd
    default:
      let names = [3: "LZO", 4: "brotli", 5: "LZ4", 7: "LZ4"]
      throw ParquetMistake(
        "is compressed with \(names[codec] ?? "codec \(codec)"), which is not built in",
        hint: "write it with zstd, snappy or gzip")
    }
  }
}

/// Some rows of all columns.
struct RowGroup {
  var columns: [ColumnChunk] = []
  var rowCount: Int64 = 0

  /// - Parameter leaves: how many columns the schema has.
  init(_ reader: inout ThriftReader, leaves: Int) throws {
    try reader.structure { reader, field in
      switch field.id {
      case 1:
        try reader.list(field) { reader, _ in
          guard columns.count < leaves else {
            throw ParquetMistake.damaged("a row group has too many columns")
          }
          columns.append(try ColumnChunk(&reader))
        }
      case 3: rowCount = try reader.integer(field)
      default: try reader.skip(field)
      }
    }
    guard columns.count == leaves, rowCount >= 0 else {
      throw ParquetMistake.damaged("a row group has \(columns.count) columns, and the schema \(leaves)")
    }
  }
}

struct PageHeader {
  enum Kind: Int { case data, index, dictionary, dataV2 }

  var kind: Kind?
  var size = 0
  var compressedSize = 0
  var checksum: UInt32?
  var valueCount = 0
  var encoding = 0
  /// How the levels of a page of the first kind are encoded.
  var definitionEncoding = 3
  var repetitionEncoding = 3
  /// How many bytes the levels of a page of the second kind have; they are not compressed.
  var definitionSize = 0
  var repetitionSize = 0
  var isCompressed = true

  init(_ reader: inout ThriftReader) throws {
    try reader.structure { reader, field in
      switch field.id {
      case 1: kind = Kind(rawValue: try reader.int(field))
      case 2: size = try reader.int(field)
      case 3: compressedSize = try reader.int(field)
      case 4: checksum = UInt32(bitPattern: Int32(try reader.int(field)))
      case 5:
        try reader.structure(field) { reader, field in
          switch field.id {
          case 1: valueCount = try reader.int(field)
          case 2: encoding = try reader.int(field)
          case 3: definitionEncoding = try reader.int(field)
          case 4: repetitionEncoding = try reader.int(field)
          default: try reader.skip(field)
          }
        }
      case 7:
        try reader.structure(field) { reader, field in
          switch field.id {
          case 1: valueCount = try reader.int(field)
          case 2: encoding = try reader.int(field)
          default: try reader.skip(field)
          }
        }
      case 8:
        try reader.structure(field) { reader, field in
          switch field.id {
          case 1: valueCount = try reader.int(field)
          case 4: encoding = try reader.int(field)
          case 5: definitionSize = try reader.int(field)
          case 6: repetitionSize = try reader.int(field)
          case 7: isCompressed = try reader.bool(field)
          default: try reader.skip(field)
          }
        }
      default: try reader.skip(field)
      }
    }
    guard size >= 0, compressedSize >= 0, valueCount >= 0, definitionSize >= 0, repetitionSize >= 0 else {
      throw ParquetMistake.damaged("a page has fewer than no bytes or values")
    }
  }
}
