// A text, or two, and a label to learn, or several.

import Base
import Foundation

/// `{"text": …, "text_pair": …, "label": …}`; without `text_pair` for single texts. A label is a name or a whole number;
/// several are a list, or names with commas between them.
struct ClassificationFormat: RowFormat {
  static let label = "label"
  static let pair = "text_pair"

  let name = "classification"
  /// Whether rows must have labels, and whether they may have several.
  var needsLabel = true
  var takesSeveral = false
  var keys: String { needsLabel ? "\"text\" and \"label\"" : "\"text\"" }
  let columns = ["text", pair, label]
  let isLabelled = true

  func with(_ wishes: FormatWishes) -> Self {
    var format = self
    format.needsLabel = wishes.needsLabels
    format.takesSeveral = wishes.takesSeveralLabels
    return format
  }

  func fits(_ row: DataRow) -> Bool { row.has("text") && (row.has(Self.label) || !needsLabel) }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    let (text, pair) = try texts(row)
    guard needsLabel else { return .labelled(text, pair: pair, labels: nil) }
    let value = try row.value(Self.label, self)
    if takesSeveral, let elements = value.elements {
      var labels: [String] = []
      for element in elements { labels.append(try label(element, row)) }
      return .labelled(text, pair: pair, labels: labels)
    }
    if takesSeveral, let names = value.text {
      let labels = names.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      return .labelled(text, pair: pair, labels: labels.filter { !$0.isEmpty })
    }
    return .labelled(text, pair: pair, labels: [try label(value, row)])
  }

  private func label(_ value: JSON, _ row: DataRow) throws(RowMistake) -> String {
    if let number = value.integer { return String(number) }
    guard let name = value.text else {
      throw RowMistake("\(row.spelling(Self.label)) must be a name or a whole number, but is \(value.kind)")
    }
    guard !name.isEmpty else { throw RowMistake("\(row.spelling(Self.label)) is empty") }
    return name
  }
}

extension RowFormat {
  /// The columns `text` and `text_pair`; the second may be absent.
  func texts(_ row: DataRow) throws(RowMistake) -> (text: [UInt8], pair: [UInt8]?) {
    let text = try filled("text", row)
    // Where the setting names the column, every row must have it.
    let hasPair = row.has(ClassificationFormat.pair) || row.columns.has(ClassificationFormat.pair)
    return (text, hasPair ? try filled(ClassificationFormat.pair, row) : nil)
  }

  /// A text that is not empty.
  func filled(_ column: String, _ row: DataRow) throws(RowMistake) -> [UInt8] {
    let text = try row.text(column, self)
    guard !text.isEmpty else {
      throw RowMistake("\(row.spelling(column)) is empty", hint: "leave the row out, or give it a text")
    }
    return text
  }
}
