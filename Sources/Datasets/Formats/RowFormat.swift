// What a format says: which columns a row has, and what is trained on.

/// One format of rows.
protocol RowFormat: Sendable {
  /// As in `data.format`.
  var name: String { get }
  /// The keys a row must have, for messages.
  var keys: String { get }
  /// All columns that are read; `data.columns` may say where each one is.
  var columns: [String] { get }
  /// Whether a row is learned as it is, with its labels or numbers, and not by next tokens: rows are not joined then.
  var isLabelled: Bool { get }
  /// Whether the keys of a file's first row tell that it has this format.
  var isDetected: Bool { get }
  /// Whether a row has the columns of this format.
  func fits(_ row: DataRow) -> Bool
  /// A row as an example to train on.
  /// - Throws: `RowMistake` if the row does not fit.
  func example(_ row: DataRow) throws(RowMistake) -> Example
  /// The same format as a task wants it.
  func with(_ wishes: FormatWishes) -> Self
}

/// What a task wants of the rows of its format.
package struct FormatWishes: Equatable, Sendable {
  /// Whether rows must have what is to be learned: not where it is to be predicted.
  package var needsLabels = true
  /// Whether a row may have several labels.
  package var takesSeveralLabels = false
  /// What stands before every source, UTF-8.
  package var sourcePrefix: [UInt8] = []
  /// How answers become sequences, and whether the prompts of better ones are learned too.
  package var answers = AnswerForm.pairs
  package var learnsPrompts = false

  package init() {}
}

extension RowFormat {
  var isLabelled: Bool { false }
  var isDetected: Bool { !isLabelled }
  func with(_ wishes: FormatWishes) -> Self { self }
}
