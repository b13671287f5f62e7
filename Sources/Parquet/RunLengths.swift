// Small numbers in runs: repeated ones, or ones packed into as few bits as the largest needs (Parquet's "RLE / bit-packing
// hybrid").

/// Gives one number after the other, so that a run of a billion takes no memory.
package struct RunLengths {
  private var cursor: ByteCursor
  private let width: Int
  /// How many numbers the run still has.
  private var left = 0
  private var repeated: UInt32 = 0
  /// The packed numbers of the run; empty where they are repeated.
  private var packed = BitField(UnsafeRawBufferPointer(start: nil, count: 0))
  private var isPacked = false

  /// - Parameter width: bits of a number.
  init(_ cursor: ByteCursor, width: Int) throws {
    guard (0...32).contains(width) else { throw ParquetMistake.damaged("numbers have \(width) bits") }
    self.cursor = cursor
    self.width = width
  }

  mutating func next() throws -> UInt32 {
    while left == 0 { try nextRun() }
    left -= 1
    guard isPacked else { return repeated }
    return UInt32(truncatingIfNeeded: try packed.next(width))
  }

  private mutating func nextRun() throws {
    let head = try cursor.varint()
    isPacked = head & 1 == 1
    if isPacked {
      // Eight numbers have as many bytes as one has bits. Some programs leave out what fills the last eight up.
      let groups = head >> 1
      guard groups <= UInt64(cursor.left) + 1 || width == 0, groups < 1 << 32 else {
        throw ByteCursor.endsTooEarly
      }
      packed = BitField(try cursor.take(min(Int(groups) * width, cursor.left)))
      left = Int(groups) * 8
    } else {
      left = Int(truncatingIfNeeded: head >> 1 & 0xFFFF_FFFF)
      repeated = 0
      for shift in stride(from: UInt32(0), to: UInt32(width), by: 8) {
        repeated |= UInt32(try cursor.byte()) << shift
      }
    }
  }
}

/// Numbers of some bits one behind the other, the lowest bit first.
struct BitField {
  private let bytes: UnsafeRawBufferPointer
  private var bit = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// - Parameter width: 0 to 64 bits.
  mutating func next(_ width: Int) throws -> UInt64 {
    guard bit + width <= bytes.count * 8 else { throw ByteCursor.endsTooEarly }
    let (byte, shift) = (bit >> 3, bit & 7)
    bit += width
    let mask = width == 64 ? UInt64.max : (1 << UInt64(width)) - 1
    if byte + 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: byte, as: UInt64.self))
      // Behind a shift, the last bits of wide numbers stand in a ninth byte, which exists then.
      let low = word >> UInt64(shift)
      return (shift + width > 64 ? low | UInt64(bytes[byte + 8]) << UInt64(64 - shift) : low) & mask
    }
    var word: UInt64 = 0
    for index in byte..<bytes.count { word |= UInt64(bytes[index]) << UInt64((index - byte) * 8) }
    return word >> UInt64(shift) & mask
  }
}

/// Levels of a column: how deep values are, or where lists go on.
package enum Levels {
  /// The column has one level only.
  case none
  case runs(RunLengths, most: Int)
  /// As very old files have them: packed, the highest bit first.
  case packed(UnsafeRawBufferPointer, bit: Int, width: Int, most: Int)

  package mutating func next() throws -> Int {
    let level: Int
    let highest: Int
    switch self {
    case .none: return 0
    case .runs(var runs, let most):
      // The runs are taken out, since two owners of a value would mean a copy.
      self = .none
      defer { self = .runs(runs, most: most) }
      (level, highest) = (Int(try runs.next()), most)
    case .packed(let bytes, let bit, let width, let most):
      guard bit + width <= bytes.count * 8 else { throw ByteCursor.endsTooEarly }
      var value = 0
      for place in bit..<bit + width {
        value = value << 1 | Int(bytes[place >> 3] >> (7 - UInt8(place & 7)) & 1)
      }
      self = .packed(bytes, bit: bit + width, width: width, most: most)
      (level, highest) = (value, most)
    }
    guard level <= highest else {
      throw ParquetMistake.damaged("a level is \(level), and at most \(highest) fits")
    }
    return level
  }

  /// - Parameters:
  ///   - most: the highest level, above 0.
  ///   - isPacked: whether they are encoded as very old files have them.
  package init(_ bytes: UnsafeRawBufferPointer, most: Int, isPacked: Bool = false) throws {
    let width = Int.bitWidth - most.leadingZeroBitCount
    self =
      isPacked
      ? .packed(bytes, bit: 0, width: width, most: most)
      : .runs(try RunLengths(ByteCursor(bytes), width: width), most: most)
  }
}
