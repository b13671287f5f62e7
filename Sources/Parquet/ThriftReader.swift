// Thrift's compact protocol, in which Parquet's metadata is written.

struct ThriftReader {
  enum Kind: UInt8 {
    case yes = 1
    case no, byte, short, int, long, double, binary, list, set, map, structure
  }

  /// One field of a structure, whose value stands next.
  struct Field {
    let id: Int
    let kind: Kind
  }

  var cursor: ByteCursor
  private var depth = 0
  /// More levels than any metadata has.
  private static let deepest = 24

  init(_ cursor: ByteCursor) { self.cursor = cursor }

  /// Calls `body` with each field of a structure; it reads the value, or skips it.
  mutating func structure(_ body: (inout ThriftReader, Field) throws -> Void) throws {
    try enter()
    var id: Int64 = 0
    while true {
      let head = try cursor.byte()
      guard head != 0 else { break }
      guard let kind = Kind(rawValue: head & 0x0F) else { throw Self.unknownKind }
      id = head >> 4 == 0 ? try cursor.zigzag() : id + Int64(head >> 4)
      guard (1...Int64(Int16.max)).contains(id) else {
        throw ParquetMistake.damaged("a field has number \(id)")
      }
      try body(&self, Field(id: Int(id), kind: kind))
    }
    depth -= 1
  }

  /// Calls `body` before each element of a list, which it reads.
  mutating func list(_ field: Field, _ body: (inout ThriftReader, Kind) throws -> Void) throws {
    guard field.kind == .list || field.kind == .set else { throw Self.unexpected }
    try enter()
    let (count, kind) = try listHead()
    for _ in 0..<count { try body(&self, kind) }
    depth -= 1
  }

  private mutating func listHead() throws -> (count: UInt64, kind: Kind) {
    let head = try cursor.byte()
    let count = head >> 4 == 15 ? try cursor.varint() : UInt64(head >> 4)
    guard let kind = Kind(rawValue: head & 0x0F) else { throw Self.unknownKind }
    // Every element has a byte at least.
    guard count <= UInt64(cursor.left) else { throw ByteCursor.endsTooEarly }
    return (count, kind)
  }

  mutating func integer(_ field: Field) throws -> Int64 {
    switch field.kind {
    case .byte: Int64(Int8(bitPattern: try cursor.byte()))
    case .short, .int, .long: try cursor.zigzag()
    default: throw Self.unexpected
    }
  }

  /// A number that must be one of 32 bits.
  mutating func int(_ field: Field) throws -> Int {
    guard let value = Int32(exactly: try integer(field)) else { throw Self.unexpected }
    return Int(value)
  }

  func bool(_ field: Field) throws -> Bool {
    guard field.kind == .yes || field.kind == .no else { throw Self.unexpected }
    return field.kind == .yes
  }

  mutating func binary(_ field: Field) throws -> [UInt8] {
    guard field.kind == .binary, let count = Int(exactly: try cursor.varint()) else { throw Self.unexpected }
    return Array(try cursor.take(count))
  }

  /// A structure as the value of a field.
  mutating func structure(
    _ field: Field, _ body: (inout ThriftReader, Field) throws -> Void
  ) throws {
    guard field.kind == .structure else { throw Self.unexpected }
    try structure(body)
  }

  mutating func skip(_ field: Field) throws { try skip(field.kind, inList: false) }

  mutating func skip(_ kind: Kind, inList: Bool) throws {
    switch kind {
    // In a list, these are bytes.
    case .yes, .no: if inList { _ = try cursor.byte() }
    case .byte: _ = try cursor.byte()
    case .short, .int, .long: _ = try cursor.varint()
    case .double: _ = try cursor.take(8)
    case .binary:
      guard let count = Int(exactly: try cursor.varint()) else { throw ByteCursor.endsTooEarly }
      _ = try cursor.take(count)
    case .list, .set:
      try enter()
      let (count, kind) = try listHead()
      for _ in 0..<count { try skip(kind, inList: true) }
      depth -= 1
    case .map:
      try enter()
      let count = try cursor.varint()
      guard count > 0 else { break }
      guard count <= UInt64(cursor.left) else { throw ByteCursor.endsTooEarly }
      let kinds = try cursor.byte()
      guard let key = Kind(rawValue: kinds >> 4), let value = Kind(rawValue: kinds & 0x0F) else {
        throw Self.unknownKind
      }
      for _ in 0..<count {
        try skip(key, inList: true)
        try skip(value, inList: true)
      }
    case .structure: try structure { reader, field in try reader.skip(field) }
    }
    if kind == .map { depth -= 1 }
  }

  private mutating func enter() throws {
    depth += 1
    guard depth <= Self.deepest else {
      throw ParquetMistake.damaged("its metadata is nested more than \(Self.deepest) levels deep")
    }
  }

  private static let unknownKind = ParquetMistake.damaged("its metadata has a value of no known kind")
  private static let unexpected = ParquetMistake.damaged(
    "its metadata has a value of another kind than it should")
}
