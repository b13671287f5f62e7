// Rows put together from the columns of a row group.
import Base

/// More than one row may have; who reads the file knows its rows' limit.
package struct ParquetRowTooLong: Error {}

struct RowAssembly {
  private let nodes: [SchemaNode]
  /// By number; nil for those that nobody asked for.
  private let columns: [ColumnReader?]
  /// The bytes that a row may have in memory.
  private let longest: Int
  private var left = 0

  /// - Parameter nodes: the columns at the top that are wanted.
  init(
    _ nodes: [SchemaNode], of schema: Schema, _ group: RowGroup, in file: UnsafeRawBufferPointer, longest: Int
  ) throws {
    self.nodes = nodes
    self.longest = longest
    let wanted = Set(nodes.flatMap(\.columns))
    columns = try schema.columns.indices.map { number in
      guard wanted.contains(number) else { return nil }
      return try Self.named(schema.columns[number]) { column in
        try ColumnReader(column, group.columns[number], in: file)
      }
    }
  }

  private static func named<T>(_ column: SchemaColumn, _ body: (SchemaColumn) throws -> T) throws -> T {
    do { return try body(column) } catch var mistake as ParquetMistake {
      mistake.what = "column \"\(column.path)\" \(mistake.what)"
      throw mistake
    }
  }

  mutating func row() throws -> JSON {
    left = longest
    var members: [JSON.Member] = []
    members.reserveCapacity(nodes.count)
    for node in nodes { members.append(JSON.Member(key: node.name, value: try value(node))) }
    for reader in columns {
      guard let reader, reader.hasEntry, reader.repetition != 0 else { continue }
      throw ParquetMistake.damaged("column \"\(reader.column.path)\" goes on behind the end of a row")
    }
    return .object(members)
  }

  private func reader(_ number: Int) -> ColumnReader {
    guard let reader = columns[number] else {
      preconditionFailure("the column is one of those that are read")
    }
    return reader
  }

  private mutating func value(_ node: SchemaNode) throws -> JSON {
    let first = reader(node.columns.lowerBound)
    if case .column = node.kind { return try take(first) }
    guard first.hasEntry else {
      throw ParquetMistake.damaged("column \"\(first.column.path)\" ends too early")
    }
    guard first.definition >= node.definition else {
      try pass(node)
      return .null
    }
    try spend(32)
    switch node.kind {
    case .column: preconditionFailure("a column has no children")
    case .object:
      var members: [JSON.Member] = []
      members.reserveCapacity(node.children.count)
      for child in node.children { members.append(JSON.Member(key: child.name, value: try value(child))) }
      return .object(members)
    case .list:
      var elements: [JSON] = []
      try forEachElement(node) { assembly in
        elements.append(
          node.children.count == 1
            ? try assembly.value(node.children[0])
            : .object(try node.children.map { JSON.Member(key: $0.name, value: try assembly.value($0)) }))
      }
      return .array(elements)
    case .map(let hasTextKeys): return try map(node, hasTextKeys: hasTextKeys)
    }
  }

  /// A map as an object where its keys are texts, else as a list of pairs. The last of equal keys counts.
  private mutating func map(_ node: SchemaNode, hasTextKeys: Bool) throws -> JSON {
    var members: [JSON.Member] = []
    var places: [[UInt8]: Int] = [:]
    var pairs: [JSON] = []
    try forEachElement(node) { assembly in
      let (key, value) = (try assembly.value(node.children[0]), try assembly.value(node.children[1]))
      guard hasTextKeys, let name = key.bytes else { return pairs.append(.array([key, value])) }
      if let place = places[name] {
        members[place].value = value
      } else {
        places[name] = members.count
        members.append(JSON.Member(key: name, value: value))
      }
    }
    return hasTextKeys && pairs.isEmpty ? .object(members) : .array(pairs)
  }

  private mutating func forEachElement(
    _ node: SchemaNode, _ body: (inout RowAssembly) throws -> Void
  ) throws {
    let first = reader(node.columns.lowerBound)
    guard first.definition >= node.elementDefinition else { return try pass(node) }
    repeat {
      try body(&self)
      for number in node.columns.dropFirst() {
        let other = reader(number)
        guard other.hasEntry == first.hasEntry, !other.hasEntry || other.repetition == first.repetition else {
          throw ParquetMistake.damaged(
            "columns \"\(first.column.path)\" and \"\(other.column.path)\" do not agree about a list")
        }
      }
    } while first.hasEntry && first.repetition == node.repetition
  }

  /// Passes over the entry that each column of a null, or of an empty list, has.
  private func pass(_ node: SchemaNode) throws {
    for number in node.columns { _ = try reader(number).take() }
  }

  private mutating func take(_ reader: ColumnReader) throws -> JSON {
    let value = try Self.named(reader.column) { _ in try reader.take() }
    // An element of a list has these bytes beside those of its text.
    try spend(16 + (value.bytes?.count ?? 0))
    return value
  }

  private mutating func spend(_ bytes: Int) throws {
    left -= bytes
    guard left >= 0 else { throw ParquetRowTooLong() }
  }
}
