// The list of formats: a new one is a file beside this one and a line here.
import Base

/// The key `data.format` of a recipe.
package struct DataFormat: RawRepresentable, CaseIterable, Hashable, Sendable {
  package let rawValue: String

  /// Decided for each file by the keys of its first row; a .txt file is text.
  package static let auto = DataFormat(name: "auto")
  package static let text = DataFormat(name: TextFormat().name)
  package static let completion = DataFormat(name: CompletionFormat().name)
  package static let alpaca = DataFormat(name: AlpacaFormat().name)
  package static let messages = DataFormat(name: MessagesFormat().name)
  package static let classification = DataFormat(name: ClassificationFormat().name)
  package static let regression = DataFormat(name: RegressionFormat().name)
  package static let multipleChoice = DataFormat(name: MultipleChoiceFormat().name)
  package static let tokenClassification = DataFormat(name: TokenClassificationFormat().name)
  package static let textToText = DataFormat(name: TextToTextFormat().name)
  package static let questionAnswering = DataFormat(name: QuestionAnsweringFormat().name)
  package static let embedding = DataFormat(name: EmbeddingFormat().name)
  package static let preference = DataFormat(name: PreferenceFormat().name)

  static let list: [any RowFormat] = [
    TextFormat(), CompletionFormat(), AlpacaFormat(), MessagesFormat(), ClassificationFormat(),
    RegressionFormat(), MultipleChoiceFormat(), TokenClassificationFormat(), TextToTextFormat(),
    EmbeddingFormat(), PreferenceFormat(),
    QuestionAnsweringFormat(),
  ]

  package static let allCases = [auto] + list.map { DataFormat(name: $0.name) }

  private init(name: String) { rawValue = name }

  package init?(rawValue: String) {
    guard Self.allCases.contains(where: { $0.rawValue == rawValue }) else { return nil }
    self.init(name: rawValue)
  }

  init(_ format: some RowFormat) { self.init(name: format.name) }

  /// nil for `auto`.
  var rows: (any RowFormat)? { Self.list.first { $0.name == rawValue } }

  /// Whether rows have labels to learn, and not next tokens.
  package var isLabelled: Bool { rows?.isLabelled ?? false }

  /// The format if columns decide it: what is to be learned is found by a task or its column only, since any row may
  /// have a key `label`.
  package func decided(by columns: DataColumns) -> DataFormat {
    self == .auto && columns.has(ClassificationFormat.label) ? .classification : self
  }

  /// The one format whose keys a row has.
  /// - Parameter setting: the name of the setting that chooses the format.
  /// - Throws: `RowMistake` if no format or several fit.
  static func detect(_ row: DataRow, setting: String) throws(RowMistake) -> any RowFormat {
    guard let members = row.json.members else { throw .noObject(row.json) }
    let unlabelled = list.filter(\.isDetected)
    let fitting = unlabelled.filter { $0.fits(row) }
    guard let only = fitting.first else {
      let keys = members.map { "\"\(String(decoding: $0.key, as: UTF8.self))\"" }.joined(separator: ", ")
      throw RowMistake(
        "no format is known with \(members.isEmpty ? "no keys" : "the keys \(shortened(keys))")",
        hint: unlabelled.map { "\($0.name) has \($0.keys)" }.joined(separator: "; "))
    }
    guard fitting.count == 1 else {
      let names = fitting.map(\.name).joined(separator: " and ")
      throw RowMistake("the row could be \(names)", hint: "say which with \(setting)")
    }
    return only
  }
}

/// A hostile file may have a thousand keys; a message has one line.
func shortened(_ text: String) -> String {
  text.count > 120 ? text.prefix(120) + "…" : text
}
