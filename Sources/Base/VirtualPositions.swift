// Positions of a model that trained vectors have instead of tokens.

/// What a method puts before every text.
package struct VirtualPositions: Equatable, Sendable {
  /// Those that are rows of a micro-batch as tokens are.
  package var rows: Int
  /// Those that only attention knows, as keys and values before those of all rows.
  package var keys: Int

  package init(rows: Int = 0, keys: Int = 0) {
    self.rows = rows
    self.keys = keys
  }

  package static let none = VirtualPositions()

  /// How many positions of the model they take.
  package var count: Int { rows + keys }
}
