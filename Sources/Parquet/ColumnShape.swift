// What the values of a column are like, found by looking at all of them.
import Base

/// Grows with each value until it fits all.
package final class ColumnShape {
  package enum Kind: Equatable {
    /// Nothing but null was seen.
    case null
    case bool, integer, number, text, list, object
  }

  package private(set) var kind = Kind.null
  /// The keys of objects as they came.
  package private(set) var names: [[UInt8]] = []
  /// One for each key of an object; one for the elements of lists.
  package private(set) var children: [ColumnShape] = []
  private var places: [[UInt8]: Int] = [:]
  /// Whether a whole number was seen that a double does not hold.
  private var hasLongInteger = false

  /// More levels than this are no data.
  private static let deepest = 50

  package init() {}

  /// Why a value does not fit those before it.
  package struct Conflict: Error {
    /// The keys that lead to it.
    package var path: [String]
    package var what: String
    package var hint: String
  }

  /// - Throws: `Conflict` where no column could hold the value and those before it.
  package func add(_ value: JSON, depth: Int = 0) throws(Conflict) {
    guard depth <= Self.deepest else {
      throw Conflict(path: [], what: "is nested more than \(Self.deepest) levels deep", hint: "")
    }
    switch value {
    case .null: break
    case .bool: try become(.bool, value)
    case .integer(let number):
      if number.magnitude > 1 << 53 { hasLongInteger = true }
      try become(kind == .number ? .number : .integer, value)
      try checkDoubles()
    case .number:
      if kind == .integer { kind = .number }
      try become(.number, value)
      try checkDoubles()
    case .string: try become(.text, value)
    case .array(let elements):
      try become(.list, value)
      if children.isEmpty { children = [ColumnShape()] }
      for element in elements {
        do throws(Conflict) { try children[0].add(element, depth: depth + 1) } catch {
          throw error.within("[]")
        }
      }
    case .object(let members):
      try become(.object, value)
      for member in members {
        let place = place(of: member.key)
        do throws(Conflict) { try children[place].add(member.value, depth: depth + 1) } catch {
          throw error.within(String(decoding: member.key, as: UTF8.self))
        }
      }
    }
  }

  private func checkDoubles() throws(Conflict) {
    guard kind == .number, hasLongInteger else { return }
    throw Conflict(
      path: [], what: "holds whole numbers above 2^53 beside others, and no type of number holds both",
      hint: "write them as strings")
  }

  private func become(_ new: Kind, _ value: JSON) throws(Conflict) {
    guard kind == .null || kind == new else {
      throw Conflict(
        path: [], what: "is \(value.kind), and in rows before \(kind.words)",
        hint: "a column has values of one kind")
    }
    kind = new
  }

  private func place(of name: [UInt8]) -> Int {
    if let place = places[name] { return place }
    places[name] = names.count
    names.append(name)
    children.append(ColumnShape())
    return names.count - 1
  }
}

extension ColumnShape.Conflict {
  fileprivate func within(_ name: String) -> Self { Self(path: [name] + path, what: what, hint: hint) }
}

extension ColumnShape.Kind {
  fileprivate var words: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer, .number: "a number"
    case .text: "a string"
    case .list: "a list"
    case .object: "an object"
    }
  }
}
