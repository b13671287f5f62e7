// Writes rows as a Parquet file, front to back.
import Base
import Compression

package final class ParquetWriter {
  private let root: ColumnShape
  private let codec: BlockCodec
  private let sink: ByteSink
  private let tree: [Node]
  private let columns: [ColumnWriter]
  private var position = 0
  private var rowCount = 0
  private var rowsOfGroup = 0
  private var groups: [(columns: [WrittenColumn], rows: Int)] = []

  /// Bytes of a row group in memory, and its most rows.
  private static let groupSize = 64 << 20
  private static let groupRows = 1 << 20

  /// A column, or columns that belong together; every value may be null.
  private indirect enum Node {
    case column(ColumnWriter)
    /// - definition: the level of an object or a list that is there.
    case object([(name: [UInt8], node: Node)], definition: Int)
    case list(Node, definition: Int, repetition: Int)
  }

  /// - Parameters:
  ///   - shape: of all rows, which are objects.
  ///   - sink: takes the bytes of the file in their order.
  /// - Throws: `ParquetMistake` for what no column can hold.
  package init(_ shape: ColumnShape, codec: BlockCodec, _ sink: @escaping ByteSink) throws {
    root = shape
    self.codec = codec
    self.sink = sink
    var columns: [ColumnWriter] = []
    guard !shape.names.isEmpty else {
      throw ParquetMistake("rows without columns cannot be written as .parquet")
    }
    tree = try zip(shape.names, shape.children).map {
      try Self.node($1, path: [$0], definition: 0, repetition: 0, &columns)
    }
    self.columns = columns
    try write(Array("PAR1".utf8))
  }

  private static func node(
    _ shape: ColumnShape, path: [[UInt8]], definition: Int, repetition: Int, _ columns: inout [ColumnWriter]
  ) throws -> Node {
    let definition = definition + 1
    switch shape.kind {
    case .object:
      guard !shape.names.isEmpty else {
        let name = path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
        throw ParquetMistake(
          "column \"\(name)\" holds nothing but empty objects, which .parquet does not know",
          hint: "leave it out")
      }
      let children = try zip(shape.names, shape.children).map { name, child in
        (name, try node(child, path: path + [name], definition: definition, repetition: repetition, &columns))
      }
      return .object(children, definition: definition)
    case .list:
      let element = try node(
        shape.children[0], path: path + [Array("list".utf8), Array("element".utf8)],
        definition: definition + 1,
        repetition: repetition + 1, &columns)
      return .list(element, definition: definition, repetition: repetition + 1)
    default:
      let column = ColumnWriter(shape, path: path, definition: definition, repetition: repetition)
      columns.append(column)
      return .column(column)
    }
  }

  /// - Parameter row: one of those that the shape was made of.
  package func add(_ row: JSON) throws {
    let members = row.members ?? []
    for (name, node) in zip(root.names, tree) {
      add(Self.value(name, in: members), to: node, repetition: 0, definition: 0)
    }
    for column in columns { column.endRow() }
    rowCount += 1
    rowsOfGroup += 1
    let size = columns.reduce(0) { $0 + $1.size }
    if size >= Self.groupSize || rowsOfGroup >= Self.groupRows { try endGroup() }
  }

  private static func value(_ name: [UInt8], in members: [JSON.Member]) -> JSON {
    members.first { $0.key == name }?.value ?? .null
  }

  /// - Parameter definition: the level of null here.
  private func add(_ value: JSON, to node: Node, repetition: Int, definition: Int) {
    switch (node, value) {
    case (_, .null): addNull(to: node, repetition: repetition, definition: definition)
    case (.column(let column), _): column.add(value, repetition: repetition)
    case (.object(let children, let level), .object(let members)):
      for (name, child) in children {
        add(Self.value(name, in: members), to: child, repetition: repetition, definition: level)
      }
    case (.list(let element, let level, let inner), .array(let elements)):
      if elements.isEmpty { addNull(to: element, repetition: repetition, definition: level) }
      for (index, value) in elements.enumerated() {
        add(value, to: element, repetition: index == 0 ? repetition : inner, definition: level + 1)
      }
    default: preconditionFailure("the shape knows every value")
    }
  }

  private func addNull(to node: Node, repetition: Int, definition: Int) {
    switch node {
    case .column(let column): column.addNull(repetition: repetition, definition: definition)
    case .object(let children, _):
      for (_, child) in children { addNull(to: child, repetition: repetition, definition: definition) }
    case .list(let element, _, _): addNull(to: element, repetition: repetition, definition: definition)
    }
  }

  private func endGroup() throws {
    guard rowsOfGroup > 0 else { return }
    var written: [WrittenColumn] = []
    for column in columns {
      let part = try column.flush(codec, from: position, sink)
      position += part.size
      written.append(part)
    }
    groups.append((written, rowsOfGroup))
    rowsOfGroup = 0
  }

  /// Writes what is left, and what says where everything stands.
  package func finish() throws {
    try endGroup()
    var footer = ThriftWriter()
    footer.structure { footer in
      footer.int(1, 2)
      footer.list(2, of: .structure, elements) { $0.structure($1) }
      footer.field(3, rowCount)
      footer.list(4, of: .structure, groups) { footer, group in
        footer.structure { self.write(group.columns, rows: group.rows, to: &$0) }
      }
      footer.field(6, Array("swiftdp".utf8))
    }
    try write(footer.bytes)
    var end: [UInt8] = []
    end.appendLittleEndian(UInt32(footer.bytes.count))
    try write(end + Array("PAR1".utf8))
  }

  private func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes(sink)
    position += bytes.count
  }

  private func write(_ columns: [WrittenColumn], rows: Int, to footer: inout ThriftWriter) {
    footer.list(1, of: .structure, Array(zip(columns, self.columns))) { footer, column in
      footer.structure { chunk in
        let (written, writer) = column
        chunk.field(2, 0)
        chunk.structure(3) { data in
          data.int(1, writer.shape.kind.physical.rawValue)
          // Levels are in runs; values plain, or indices of plain ones.
          data.list(2, of: .int, written.dictionaryStart == nil ? [0, 3] : [0, 3, 8]) { $0.zigzag(Int64($1)) }
          data.list(3, of: .binary, writer.path) { $0.write($1) }
          data.int(4, codec.number)
          data.field(5, written.valueCount)
          data.field(6, written.rawSize)
          data.field(7, written.size)
          data.field(9, written.dataStart)
          if let start = written.dictionaryStart { data.field(11, start) }
        }
      }
    }
    footer.field(2, columns.reduce(0) { $0 + $1.rawSize })
    footer.field(3, rows)
  }

  /// The schema in the order of a walk from the root.
  private var elements: [(inout ThriftWriter) -> Void] {
    var all: [(inout ThriftWriter) -> Void] = [
      { [root] in
        $0.field(4, Array("schema".utf8))
        $0.int(5, root.names.count)
      }
    ]
    func add(_ name: [UInt8], _ shape: ColumnShape) {
      switch shape.kind {
      case .object:
        all.append {
          $0.int(3, 1)
          $0.field(4, name)
          $0.int(5, shape.names.count)
        }
        for (name, child) in zip(shape.names, shape.children) { add(name, child) }
      case .list:
        all.append {
          $0.int(3, 1)
          $0.field(4, name)
          $0.int(5, 1)
          $0.int(6, 3)
          $0.structure(10) { $0.structure(3) { _ in } }
        }
        all.append {
          $0.int(3, 2)
          $0.field(4, Array("list".utf8))
          $0.int(5, 1)
        }
        add(Array("element".utf8), shape.children[0])
      default:
        all.append {
          $0.int(1, shape.kind.physical.rawValue)
          $0.int(3, 1)
          $0.field(4, name)
          if shape.kind == .text { $0.int(6, 0) }
          if shape.kind == .text || shape.kind == .null {
            $0.structure(10) { $0.structure(shape.kind == .text ? 1 : 11) { _ in } }
          }
        }
      }
    }
    for (name, child) in zip(root.names, root.children) { add(name, child) }
    return all
  }
}

extension ColumnShape.Kind {
  fileprivate var physical: PhysicalType {
    switch self {
    case .bool: .boolean
    case .integer: .int64
    case .number: .double
    case .text: .byteArray
    case .null: .int32
    case .list, .object: preconditionFailure("a list or an object is no column")
    }
  }
}

extension BlockCodec {
  /// As the footer says it.
  fileprivate var number: Int {
    switch self {
    case .none: 0
    case .snappy: 1
    case .gzip: 2
    case .zstd: 6
    }
  }
}
