// The encodings of values on a page (Parquet's Encodings.md).
import Compression

/// Gives the values of a page, one after the other.
protocol ValueDecoder {
  mutating func next() throws -> StoredValue
}

/// Values as they are.
struct PlainDecoder: ValueDecoder {
  private var cursor: ByteCursor
  private let type: ColumnType
  private var bits: BitField

  init(_ bytes: UnsafeRawBufferPointer, _ type: ColumnType) {
    cursor = ByteCursor(bytes)
    bits = BitField(bytes)
    self.type = type
  }

  mutating func next() throws -> StoredValue {
    switch type.physical {
    case .boolean: .bits(try bits.next(1))
    case .int32: .bits(UInt64(bitPattern: Int64(try cursor.fixed(Int32.self))))
    case .float: .bits(UInt64(try cursor.fixed(UInt32.self)))
    case .int64, .double: .bits(try cursor.fixed(UInt64.self))
    case .int96: .bytes(try cursor.take(12))
    case .byteArray: .bytes(try cursor.take(Int(try cursor.fixed(UInt32.self))))
    case .fixed: .bytes(try cursor.take(type.length))
    }
  }
}

/// Truth values in runs.
struct RunDecoder: ValueDecoder {
  private var runs: RunLengths

  init(_ bytes: UnsafeRawBufferPointer) throws {
    var cursor = ByteCursor(bytes)
    let size = Int(try cursor.fixed(UInt32.self))
    runs = try RunLengths(ByteCursor(try cursor.take(size)), width: 1)
  }

  mutating func next() throws -> StoredValue { .bits(UInt64(try runs.next())) }
}

/// Whole numbers as differences (DELTA_BINARY_PACKED).
struct DeltaDecoder: ValueDecoder {
  private var cursor: ByteCursor
  private let is32: Bool
  private let miniblocks: Int
  private let valuesOfMiniblock: Int
  /// How many values there are in all, and how many were given.
  let count: UInt64
  private var given: UInt64 = 0
  private var value: Int64
  private var smallest: Int64 = 0
  private var widths = UnsafeRawBufferPointer(start: nil, count: 0)
  private var miniblock = 0
  private var left = 0
  private var bits = BitField(UnsafeRawBufferPointer(start: nil, count: 0))

  /// - Parameter most: how many values there can be.
  init(_ bytes: UnsafeRawBufferPointer, is32: Bool, most: Int) throws {
    cursor = ByteCursor(bytes)
    self.is32 = is32
    let blockSize = try cursor.varint()
    let miniblocks = try cursor.varint()
    count = try cursor.varint()
    value = try cursor.zigzag()
    guard (1...1 << 16).contains(blockSize), (1...blockSize).contains(miniblocks),
      blockSize % (miniblocks * 8) == 0
    else { throw ParquetMistake.damaged("blocks of \(blockSize) numbers have \(miniblocks) parts") }
    guard count <= UInt64(most) else { throw ParquetMistake.damaged("a page has more values than it says") }
    self.miniblocks = Int(miniblocks)
    valuesOfMiniblock = Int(blockSize / miniblocks)
    miniblock = self.miniblocks
  }

  mutating func next() throws -> StoredValue { .bits(UInt64(bitPattern: try number())) }

  mutating func number() throws -> Int64 {
    guard given < count else { throw ByteCursor.endsTooEarly }
    if given > 0 {
      if left == 0 { try nextMiniblock() }
      left -= 1
      let width = Int(widths[miniblock - 1])
      value = value &+ smallest &+ Int64(bitPattern: try bits.next(width))
      if is32 { value = Int64(Int32(truncatingIfNeeded: value)) }
    }
    given += 1
    return value
  }

  private mutating func nextMiniblock() throws {
    if miniblock == miniblocks {
      smallest = try cursor.zigzag()
      widths = try cursor.take(miniblocks)
      miniblock = 0
    }
    let width = Int(widths[miniblock])
    guard width <= 64 else { throw ParquetMistake.damaged("numbers have \(width) bits") }
    // The last miniblock may be cut.
    bits = BitField(try cursor.take(min(width * valuesOfMiniblock / 8, cursor.left)))
    left = valuesOfMiniblock
    miniblock += 1
  }

  /// What stands behind all numbers, which are read for it.
  func behind() throws -> UnsafeRawBufferPointer {
    var copy = self
    while copy.given < count { _ = try copy.number() }
    return copy.cursor.rest
  }
}

/// Lengths as differences, and all bytes behind them (DELTA_LENGTH_BYTE_ARRAY).
struct DeltaLengthDecoder: ValueDecoder {
  private var lengths: DeltaDecoder
  private var cursor: ByteCursor

  init(_ bytes: UnsafeRawBufferPointer, most: Int) throws {
    lengths = try DeltaDecoder(bytes, is32: true, most: most)
    cursor = ByteCursor(try lengths.behind())
  }

  mutating func next() throws -> StoredValue { .bytes(try bytes()) }

  mutating func bytes() throws -> UnsafeRawBufferPointer { try cursor.take(Int(try lengths.number())) }
}

/// What a value shares with the beginning of the one before, and what follows (DELTA_BYTE_ARRAY).
struct DeltaBytesDecoder: ValueDecoder {
  private var prefixes: DeltaDecoder
  private var suffixes: DeltaLengthDecoder
  private let value = Scratch()

  init(_ bytes: UnsafeRawBufferPointer, most: Int) throws {
    prefixes = try DeltaDecoder(bytes, is32: true, most: most)
    suffixes = try DeltaLengthDecoder(try prefixes.behind(), most: most)
  }

  mutating func next() throws -> StoredValue {
    let prefix = Int(try prefixes.number())
    guard (0...value.buffer.count).contains(prefix) else {
      throw ParquetMistake.damaged("a text begins with \(prefix) bytes of a shorter one")
    }
    value.buffer.keep(prefix)
    try value.buffer.append(try suffixes.bytes())
    return .bytes(value.buffer.bytes)
  }
}

/// Numbers whose first bytes stand together, then all second bytes, and so on (BYTE_STREAM_SPLIT).
struct SplitDecoder: ValueDecoder {
  private let bytes: UnsafeRawBufferPointer
  private let physical: PhysicalType
  private let width: Int
  private let count: Int
  private var at = 0
  private let value = Scratch()

  init(_ bytes: UnsafeRawBufferPointer, _ type: ColumnType) throws {
    switch type.physical {
    case .int32, .float: width = 4
    case .int64, .double: width = 8
    case .fixed: width = type.length
    default: throw ParquetMistake.damaged("values that are no numbers are split into bytes")
    }
    physical = type.physical
    self.bytes = bytes
    count = bytes.count / width
  }

  mutating func next() throws -> StoredValue {
    guard at < count else { throw ByteCursor.endsTooEarly }
    defer { at += 1 }
    if physical == .fixed {
      value.buffer.removeAll()
      for part in 0..<width {
        let place = part * count + at
        try value.buffer.append(UnsafeRawBufferPointer(rebasing: bytes[place..<place + 1]))
      }
      return .bytes(value.buffer.bytes)
    }
    var bits: UInt64 = 0
    for part in 0..<width { bits |= UInt64(bytes[part * count + at]) << UInt64(part * 8) }
    return .bits(physical == .int32 ? UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: bits))) : bits)
  }
}

/// The bytes of one value that stands nowhere whole.
private final class Scratch {
  var buffer = ByteBuffer()
}

/// - Parameter most: how many values there can be.
/// - Throws: for encodings that are not known, or not for such a column.
func decoder(
  encoding: Int, _ bytes: UnsafeRawBufferPointer, _ type: ColumnType, most: Int
) throws -> any ValueDecoder {
  switch (encoding, type.physical) {
  case (0, _): return PlainDecoder(bytes, type)
  case (3, .boolean): return try RunDecoder(bytes)
  case (5, .int32), (5, .int64): return try DeltaDecoder(bytes, is32: type.physical == .int32, most: most)
  case (6, .byteArray): return try DeltaLengthDecoder(bytes, most: most)
  case (7, .byteArray), (7, .fixed): return try DeltaBytesDecoder(bytes, most: most)
  case (9, _): return try SplitDecoder(bytes, type)
  default: throw ParquetMistake.damaged("values of such a column have encoding \(encoding)")
  }
}
