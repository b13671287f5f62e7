// One row of a data file, read by the names that formats have for its columns.
import Base

/// Where the columns of a format are: `data.columns` of a recipe.
package struct DataColumns: Equatable, Sendable {
  package enum Place: Equatable, Sendable {
    /// A key of JSON objects, or a name in the first line of a table.
    case name(String)
    /// A place in the rows of a table without such a line, from 0.
    case number(Int)
  }

  /// The columns whose places are given, by the names that formats have for them.
  package var places: [String: Place]

  /// - Parameter places: columns that are not here are found under their own names.
  package init(_ places: [String: Place] = [:]) { self.places = places }

  func has(_ column: String) -> Bool { places[column] != nil }

  /// Whether some are given by number, so that tables have no line with names.
  package var areNumbered: Bool {
    places.values.contains { if case .number = $0 { true } else { false } }
  }

  /// The mistakes of the setting, for a format.
  /// - Parameter setting: what messages call it.
  package func mistakes(for format: DataFormat, setting: String) -> [UserError] {
    let format = format.decided(by: self)
    let formats = format.rows.map { [$0] } ?? DataFormat.list
    let known = formats.flatMap(\.columns).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    var mistakes: [UserError] = []
    for column in places.keys.sorted() where !known.contains(column) {
      let near = nearest(to: column, among: known)
      mistakes.append(
        UserError(
          .usage, "is not a column of \(format == .auto ? "any format" : "format \(format.rawValue)")",
          at: "\(setting).\(column)",
          hint: near.map { "did you mean \($0)?" } ?? "the columns are \(known.joined(separator: ", "))"))
    }
    let names = places.filter { if case .name = $0.value { true } else { false } }
    if areNumbered, let name = names.keys.min() {
      mistakes.append(
        UserError(
          .usage, "has a name, and other columns have numbers", at: "\(setting).\(name)",
          hint: "a file has names in its first line, or it has not"))
    }
    return mistakes
  }

  func place(of column: String) -> Place { places[column] ?? .name(column) }

  /// The key under which a row has a column.
  func key(_ column: String) -> String {
    switch place(of: column) {
    case .name(let name): name
    case .number(let number): String(number)
    }
  }
}

/// A row as an object; a table without names has numbers in their place.
struct DataRow {
  let json: JSON
  let columns: DataColumns
  /// Whether its values are the names of a table's columns, and tell only which columns there are.
  var isOfNames = false

  /// Programs that write a table as rows write null for a value that a row does not have.
  private func member(_ column: String) -> JSON? {
    json[columns.key(column)].flatMap { $0.isNull ? nil : $0 }
  }

  func has(_ column: String) -> Bool { member(column) != nil }

  func isList(_ column: String) -> Bool { member(column)?.elements != nil }

  /// How messages name a column.
  func spelling(_ column: String) -> String {
    switch columns.place(of: column) {
    case .name(let name): "\"\(name)\""
    case .number(let number): "column \(number)"
    }
  }

  func value(_ column: String, _ format: some RowFormat) throws(RowMistake) -> JSON {
    guard let members = json.members else { throw .noObject(json) }
    if let value = member(column) { return value }
    throw RowMistake("has no \(spelling(column))", hint: hint(column, members, format))
  }

  /// The text of a column, as UTF-8.
  func text(_ column: String, _ format: some RowFormat) throws(RowMistake) -> [UInt8] {
    let value = try value(column, format)
    guard let bytes = value.bytes else {
      throw RowMistake("\(spelling(column)) must be a string, but is \(value.kind)")
    }
    return bytes
  }

  private func hint(_ column: String, _ members: [JSON.Member], _ format: some RowFormat) -> String {
    if case .number = columns.place(of: column) {
      return "a row has \(counted(members.count, "field")), and numbers count from 0"
    }
    let names = members.filter { !$0.value.isNull }.map { String(decoding: $0.key, as: UTF8.self) }
    let name = columns.key(column)
    if let near = nearest(to: name, among: names.filter { $0 != name }) { return "did you mean \"\(near)\"?" }
    return columns.has(column)
      ? "the columns here are \(shortened(names.map { "\"\($0)\"" }.joined(separator: ", ")))"
      : "a row of format \(format.name) has \(format.keys)"
  }
}

/// Why a row cannot be used; the code that reads the file adds its place.
package struct RowMistake: Error, Equatable {
  /// What programs tell mistakes apart by.
  package enum Cause: Sendable {
    /// The template writes earlier messages of a chat in another way once there are later ones.
    case changedTurn
    case other
  }

  package var what: String
  package var hint: String
  package var cause: Cause

  init(_ what: String, hint: String = "", cause: Cause = .other) {
    self.what = what
    self.hint = hint
    self.cause = cause
  }

  static func noObject(_ row: JSON) -> RowMistake {
    RowMistake("a row must be an object, but this is \(row.kind)")
  }

  package func at(_ place: String) -> UserError { UserError(.data, what, at: place, hint: hint) }
}
