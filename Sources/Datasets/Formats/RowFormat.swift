// What a format says: which columns a row has, and what is trained on.

/// One format of rows.
protocol RowFormat: Sendable {
  /// As in `data.format`.
  var name: String { get }
  /// The keys a row must have, for messages.
  var keys: String { get }
  /// All columns that are read; `data.columns` may say where each one is.
  var columns: [String] { get }
  /// Whether a row has a label to learn, and not next tokens.
  var isLabelled: Bool { get }
  /// Whether a row has the columns of this format.
  func fits(_ row: DataRow) -> Bool
  /// A row as an example to train on.
  /// - Throws: `RowMistake` if the row does not fit.
  func example(_ row: DataRow) throws(RowMistake) -> Example
}

extension RowFormat {
  var isLabelled: Bool { false }
}

/// The text of one row or file, as UTF-8.
enum Example: Equatable {
  case document([UInt8])
  case answer(prompt: [UInt8], answer: [UInt8])
  /// A text, or two, and the name of its label; nil where it is to be predicted.
  case labelled([UInt8], pair: [UInt8]?, label: String?)

  var isEmpty: Bool {
    switch self {
    case .document(let text): text.isEmpty
    case .answer(let prompt, let answer): prompt.isEmpty && answer.isEmpty
    case .labelled(let text, _, _): text.isEmpty
    }
  }
}
