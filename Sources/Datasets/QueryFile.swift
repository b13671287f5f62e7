// Questions to search for, as rows of a file.
import Base

package struct QueryFile {
  package struct Row {
    /// UTF-8.
    package let query: [UInt8]
    package let json: JSON
    /// For messages.
    package let place: String
  }

  package private(set) var rows: [Row] = []

  /// - Parameters:
  ///   - column: what holds the question.
  ///   - check: what else may be wrong with a row.
  /// - Throws: `UserErrors` with the first bad rows, or what is wrong with the file.
  package init(_ path: String, column: String = "query", check: (JSON) -> String? = { _ in nil }) throws {
    let source = SourceRows([path])
    var mistakes: [UserError] = []
    try source.read { row in
      let place = "\(path):\(row.number)"
      guard let query = row.json[column]?.bytes, query.contains(where: { $0 > 0x20 }) else {
        let what = row.json[column].map {
          $0.bytes == nil ? "\(column.quoted) is \($0.kind)" : "\(column.quoted) is empty"
        }
        mistakes.append(
          UserError(
            .data, what ?? "has no \(column.quoted)", at: place, hint: "a row is {\(column.quoted): …}"))
        return
      }
      if let wrong = check(row.json) { mistakes.append(UserError(.data, wrong, at: place)) }
      rows.append(Row(query: query, json: row.json, place: place))
    }
    try PromptFile.refuse(mistakes, in: path)
    guard !rows.isEmpty else { throw UserError(.data, "the file has no rows", at: path) }
  }
}
