// The rows of a split, as the datasets package gives them: all rows have the same keys, and null where a file has none.
import Base
import Datasets
import Foundation

struct DocumentRows {
  var docs: [JSON] = []
  /// The names of columns, in the order in which they come.
  var columns: [String] = []

  /// - Throws: where a file or a row of it cannot be read.
  init(files: [String], only: (column: String, value: String)? = nil) throws {
    var mistyped = false
    for path in files {
      if path.hasSuffix(".json"), let lines = try Self.lines(path) {
        docs += lines
        continue
      }
      let first = docs.count
      try SourceRows([path]).read { row in docs.append(row.json) }
      try Self.addLabels(of: path, to: &docs[first...])
      if path.hasSuffix(".csv") || path.hasSuffix(".tsv") { mistyped = true }
    }
    if let only {
      docs.removeAll { PythonicText.of($0[only.column]) != only.value }
      guard !docs.isEmpty else {
        throw UserError(
          .data, "holds no row whose \(only.column.quoted) is \(only.value.quoted)",
          at: files.joined(separator: ", "))
      }
    }
    if mistyped { Self.findTypes(&docs) }
    guard !docs.isEmpty else { throw UserError(.data, "holds no rows", at: files.joined(separator: ", ")) }
  }

  /// PIQA has the labels of a file beside it, a line each: those of valid.jsonl in valid-labels.lst.
  private static func addLabels(of path: String, to docs: inout ArraySlice<JSON>) throws {
    let ending = ".jsonl"
    let beside = String(path.dropLast(ending.count)) + "-labels.lst"
    guard path.hasSuffix(ending), UserError.noFile(beside) == nil, docs.allSatisfy({ $0["label"] == nil })
    else {
      return
    }
    let lines = String(decoding: try OpenFile.contents(beside), as: UTF8.self).split(
      whereSeparator: \.isNewline)
    guard lines.count == docs.count else {
      throw UserError(
        .data, "has \(counted(lines.count, "label")), and \(path) \(counted(docs.count, "row"))", at: beside)
    }
    for (place, line) in zip(docs.indices, lines) {
      guard let label = Int(line.trimmingCharacters(in: .whitespaces)), let members = docs[place].members
      else {
        throw UserError(.data, "is no label", at: "\(beside):\(place - docs.startIndex + 1)")
      }
      docs[place] = .object(members + [JSON.Member(key: Array("label".utf8), value: .integer(label))])
    }
  }

  /// Sets `columns`, and gives all rows the same keys, also within objects.
  mutating func unify() {
    let schema = Schema()
    for doc in docs { schema.add(doc) }
    columns = schema.keys.map { String(decoding: $0, as: UTF8.self) }
    guard schema.isUneven else { return }
    for place in docs.indices { docs[place] = schema.filled(docs[place]) }
  }

  /// The objects of a .json file that is JSON lines, or one object; nil for a list.
  private static func lines(_ path: String) throws -> [JSON]? {
    let bytes = try OpenFile.contents(path)
    guard bytes.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{") else { return nil }
    var docs: [JSON] = []
    for (number, line) in bytes.split(separator: 0x0A).enumerated() {
      guard !line.allSatisfy({ " \t\r".utf8.contains($0) }) else { continue }
      do throws(JSON.ParseError) { docs.append(try JSON.parse(Array(line))) } catch {
        throw UserError(.data, "is not JSON: \(error)", at: "\(path):\(number + 1)")
      }
    }
    return docs
  }

  /// Makes numbers of columns that hold nothing else: fields of tables are texts.
  private static func findTypes(_ docs: inout [JSON]) {
    guard let names = docs.first?.members?.map(\.key) else { return }
    for name in names {
      func values() -> [String] { docs.compactMap { $0.members?.first { $0.key == name }?.value.text } }
      let texts = values().filter { !$0.isEmpty }
      guard !texts.isEmpty,
        texts.allSatisfy({ Double($0) != nil && $0.allSatisfy { "+-.eE0123456789".contains($0) } })
      else { continue }
      let areWhole = texts.allSatisfy { Int($0) != nil }
      for place in docs.indices {
        guard var members = docs[place].members, let at = members.firstIndex(where: { $0.key == name }),
          let text = members[at].value.text
        else { continue }
        members[at].value =
          text.isEmpty ? .null : areWhole ? .integer(Int(text) ?? 0) : .number(Double(text) ?? 0)
        docs[place] = .object(members)
      }
    }
  }
}

/// What is printed of a value.
enum PythonicText {
  static func of(_ json: JSON?) -> String? {
    switch json {
    case .string(let bytes): String(decoding: bytes, as: UTF8.self)
    case .integer(let value): String(value)
    default: nil
    }
  }
}

/// The keys that objects have, in objects and lists.
private final class Schema {
  private(set) var keys: [[UInt8]] = []
  private var parts: [[UInt8]: Schema] = [:]
  private var elements: Schema?
  private var objects = 0
  private var counts: [[UInt8]: Int] = [:]
  private var hasDoubles = false
  private var hasWholes = false

  /// More keys than any data set has columns: such an object is a dictionary of its own.
  private static let mostKeys = 512

  func add(_ json: JSON) {
    switch json {
    case .object(let members):
      objects += 1
      for member in members {
        if parts[member.key] == nil {
          guard keys.count < Self.mostKeys else { continue }
          keys.append(member.key)
          parts[member.key] = Schema()
        }
        counts[member.key, default: 0] += 1
        parts[member.key]?.add(member.value)
      }
    case .array(let values):
      if elements == nil { elements = Schema() }
      for value in values { elements?.add(value) }
    case .number: hasDoubles = true
    case .integer: hasWholes = true
    default: break
    }
  }

  /// Whether some rows lack what others have.
  var isUneven: Bool {
    if hasDoubles && hasWholes { return true }
    if keys.count >= Self.mostKeys { return false }
    return counts.values.contains { $0 != objects } || parts.values.contains(where: \.isUneven)
      || elements?.isUneven ?? false
  }

  func filled(_ json: JSON) -> JSON {
    switch json {
    case .object(let members) where keys.count < Self.mostKeys:
      .object(
        keys.map { key in
          let value = members.first { $0.key == key }?.value ?? .null
          return JSON.Member(key: key, value: parts[key]?.filled(value) ?? value)
        })
    case .array(let values): .array(values.map { elements?.filled($0) ?? $0 })
    case .integer(let value): hasDoubles ? .number(Double(value)) : json
    default: json
    }
  }
}
