// What is read and written within one transaction.
internal import GRDB

/// A value of a statement.
package struct SQLValue: Sendable {
  let value: DatabaseValue
  package static func text(_ text: String) -> SQLValue { SQLValue(value: text.databaseValue) }
  package static func integer(_ number: Int) -> SQLValue { SQLValue(value: number.databaseValue) }
  package static func integer(_ number: Int64) -> SQLValue { SQLValue(value: number.databaseValue) }
}

package struct DatabaseAccess {
  private let db: Database

  init(_ db: Database) { self.db = db }

  /// Runs one statement, or several without values.
  package func execute(_ sql: String, _ values: [SQLValue] = []) throws {
    guard !values.isEmpty else { return try db.execute(sql: sql) }
    try db.cachedStatement(sql: sql).execute(arguments: StatementArguments(values.map(\.value)))
  }

  /// The number of the row that was inserted last.
  package var lastNumber: Int64 { db.lastInsertedRowID }

  package func hasTable(_ name: String) throws -> Bool { try db.tableExists(name) }

  /// Calls `body` with each row of a query until it returns false.
  package func forEachRow(
    _ sql: String, _ values: [SQLValue] = [], _ body: (DatabaseRow) throws -> Bool
  ) throws {
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: sql), arguments: StatementArguments(values.map(\.value)))
    while let row = try rows.next() {
      guard try body(DatabaseRow(row)) else { return }
    }
  }

  /// The first column of all rows.
  package func integers(_ sql: String, _ values: [SQLValue] = []) throws -> [Int64] {
    var all: [Int64] = []
    try forEachRow(sql, values) {
      all.append(try $0.integer(0))
      return true
    }
    return all
  }

  /// The first column of the first row; nil if there is none.
  package func text(_ sql: String, _ values: [SQLValue] = []) throws -> String? {
    var found: String?
    try forEachRow(sql, values) {
      found = try $0.text(0)
      return false
    }
    return found
  }
}

/// A row of a query, until the next one is read. Each throws where the column holds a value of another kind.
package struct DatabaseRow {
  private let row: Row

  init(_ row: Row) { self.row = row }

  package func text(_ column: Int) throws -> String { try row.decode(atIndex: column) }
  package func integer(_ column: Int) throws -> Int64 { try row.decode(atIndex: column) }
  package func number(_ column: Int) throws -> Double { try row.decode(atIndex: column) }
}
