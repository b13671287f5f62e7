// A text, or two, and a label to learn.

/// `{"text": …, "text_pair": …, "label": …}`; without `text_pair` for single texts. A label is a name or a whole number.
struct ClassificationFormat: RowFormat {
  static let label = "label"
  static let pair = "text_pair"

  let name = "classification"
  var needsLabel = true
  var keys: String { needsLabel ? "\"text\" and \"label\"" : "\"text\"" }
  let columns = ["text", pair, label]
  let isLabelled = true

  func fits(_ row: DataRow) -> Bool { row.has("text") && (row.has(Self.label) || !needsLabel) }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    let text = try filled("text", row)
    // Where the setting names the column, every row must have it.
    let hasPair = row.has(Self.pair) || row.columns.has(Self.pair)
    let pair = hasPair ? try filled(Self.pair, row) : nil
    guard needsLabel else { return .labelled(text, pair: pair, label: nil) }
    let label = try row.value(Self.label, self)
    if let number = label.integer { return .labelled(text, pair: pair, label: String(number)) }
    guard let name = label.text else {
      throw RowMistake(
        "\(row.spelling(Self.label)) must be a name or a whole number, but is \(label.kind)")
    }
    guard !name.isEmpty else { throw RowMistake("\(row.spelling(Self.label)) is empty") }
    return .labelled(text, pair: pair, label: name)
  }

  private func filled(_ column: String, _ row: DataRow) throws(RowMistake) -> [UInt8] {
    let text = try row.text(column, self)
    guard !text.isEmpty else {
      throw RowMistake("\(row.spelling(column)) is empty", hint: "leave the row out, or give it a text")
    }
    return text
  }
}
