// The tree of columns that a schema describes, with the levels that tell which values belong together (Melnik et al.,
// "Dremel", 2010).
import Base

/// A column, or columns that belong together.
struct SchemaNode {
  enum Kind {
    /// The number of the column among all.
    case column(Int)
    case object
    /// One child: the element.
    case list
    /// Two children: keys, which are texts or not, and values.
    case map(hasTextKeys: Bool)
  }

  var name: [UInt8]
  var kind: Kind
  var children: [SchemaNode] = []
  /// A value below this level is null here, or farther up.
  var definition: Int
  /// For lists: an element that goes on with a list has this repetition level, and an empty list a definition level
  /// below `elementDefinition`.
  var repetition = 0
  var elementDefinition = 0
  /// The numbers of its columns.
  var columns: Range<Int>
}

/// Each column that holds values.
struct SchemaColumn {
  let type: ColumnType
  let path: String
  let definition: Int
  let repetition: Int
}

struct Schema {
  private(set) var nodes: [SchemaNode] = []
  private(set) var columns: [SchemaColumn] = []
  private let elements: [SchemaElement]
  private var next = 0
  private static let deepest = 64

  /// - Parameter elements: in the order of a walk from the root.
  init(_ elements: [SchemaElement]) throws {
    self.elements = elements
    let root = try element()
    for _ in 0..<(root.children ?? 0) { nodes.append(try node([], definition: 0, repetition: 0)) }
    guard next == elements.count, !nodes.isEmpty else {
      throw ParquetMistake.damaged("its schema has \(elements.count) elements, which do not fit together")
    }
    try checkNames(nodes)
  }

  private mutating func element() throws -> SchemaElement {
    guard next < elements.count else { throw ParquetMistake.damaged("its schema ends too early") }
    defer { next += 1 }
    return elements[next]
  }

  private func checkNames(_ nodes: [SchemaNode]) throws {
    var seen = Set<[UInt8]>()
    for node in nodes where !seen.insert(node.name).inserted {
      throw ParquetMistake("has the column \"\(String(decoding: node.name, as: UTF8.self))\" twice")
    }
  }

  /// The node of the next element, with all below it.
  private mutating func node(_ path: [[UInt8]], definition: Int, repetition: Int) throws -> SchemaNode {
    let element = try element()
    guard (try? UTF8Span(validating: element.name.span)) != nil, (0...2).contains(element.repetition) else {
      throw ParquetMistake.damaged("a column has no name or no known form")
    }
    let path = path + [element.name]
    if element.repetition == 2 {
      // A repeated element that no list stands around is a list itself.
      var list = SchemaNode(
        name: element.name, kind: .list, definition: definition, repetition: repetition + 1,
        elementDefinition: definition + 1, columns: columns.count..<columns.count)
      list.children = [try content(element, path, definition: definition + 1, repetition: repetition + 1)]
      list.columns = list.columns.lowerBound..<columns.count
      return list
    }
    return try content(
      element, path, definition: definition + element.repetition, repetition: repetition)
  }

  /// What an element is, apart from being optional or repeated, which its levels say already.
  private mutating func content(
    _ element: SchemaElement, _ path: [[UInt8]], definition: Int, repetition: Int
  ) throws -> SchemaNode {
    let first = columns.count
    guard path.count <= Self.deepest else {
      throw ParquetMistake.damaged("its columns are nested more than \(Self.deepest) levels deep")
    }
    guard let count = element.children, count > 0 || element.physical == nil else {
      let path = path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
      columns.append(
        SchemaColumn(
          type: try ColumnType(element), path: path, definition: definition, repetition: repetition))
      return SchemaNode(
        name: element.name, kind: .column(first), definition: definition, columns: first..<first + 1)
    }
    var node = SchemaNode(name: element.name, kind: .object, definition: definition, columns: first..<first)
    if element.isList || element.isMap, count == 1, next < elements.count, elements[next].repetition == 2 {
      let repeated = try self.element()
      node.kind = .list
      node.repetition = repetition + 1
      node.elementDefinition = definition + 1
      let inner = path + [repeated.name]
      if repeated.isElement(of: element) {
        node.children = [
          try content(repeated, inner, definition: definition + 1, repetition: repetition + 1)
        ]
      } else {
        for _ in 0..<(repeated.children ?? 0) {
          node.children.append(try self.node(inner, definition: definition + 1, repetition: repetition + 1))
        }
        if element.isMap, node.children.count == 2 {
          guard let key = columns[first...].first else { throw ParquetMistake.damaged("a map has no keys") }
          node.kind = .map(hasTextKeys: key.type.isText && node.children[0].columns.count == 1)
        }
      }
    } else {
      for _ in 0..<count {
        node.children.append(try self.node(path, definition: definition, repetition: repetition))
      }
      try checkNames(node.children)
    }
    node.columns = first..<columns.count
    guard !node.columns.isEmpty else { throw ParquetMistake("has an object without columns in its schema") }
    return node
  }
}

extension SchemaElement {
  fileprivate var isList: Bool { if case .list = logical { true } else { converted == 3 } }
  fileprivate var isMap: Bool {
    if case .map = logical { true } else { converted == 1 || converted == 2 }
  }

  /// Whether the repeated element within a list is what is listed, as older programs wrote lists, and not a group
  /// around it.
  fileprivate func isElement(of list: SchemaElement) -> Bool {
    guard let children, children > 0 else { return true }
    if list.isMap { return children != 2 }
    return children > 1 || name.elementsEqual("array".utf8) || name == list.name + Array("_tuple".utf8)
  }
}
