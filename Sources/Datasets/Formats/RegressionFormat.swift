// A text, or two, and a number to learn, or several.

import Base

/// `{"text": …, "text_pair": …, "label": 3.5}`; `score` may stand in the place of `label`, and a list of numbers for one.
struct RegressionFormat: RowFormat {
  let name = "regression"
  var needsLabel = true
  var keys: String { needsLabel ? "\"text\" and \"label\"" : "\"text\"" }
  let columns = ["text", ClassificationFormat.pair, ClassificationFormat.label, "score"]
  let isLabelled = true

  func with(_ wishes: FormatWishes) -> Self {
    var format = self
    format.needsLabel = wishes.needsLabels
    return format
  }

  func fits(_ row: DataRow) -> Bool { row.has("text") }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    let (text, pair) = try texts(row)
    guard needsLabel else { return .numbered(text, pair: pair, numbers: nil) }
    let column = row.has("score") || row.columns.has("score") ? "score" : ClassificationFormat.label
    let value = try row.value(column, self)
    var numbers: [Float] = []
    for element in value.elements ?? [value] { numbers.append(try row.number(element, column)) }
    guard !numbers.isEmpty else { throw RowMistake("\(row.spelling(column)) is an empty list") }
    return .numbered(text, pair: pair, numbers: numbers)
  }
}

extension DataRow {
  /// A number of a column; tables hold it as a text.
  func number(_ value: JSON, _ column: String) throws(RowMistake) -> Float {
    if isOfNames { return 0 }
    if let number = value.double ?? value.text.flatMap({ Double($0) }), Float(number).isFinite {
      return Float(number)
    }
    let found = value.text.map { $0.printable(40).quoted } ?? value.kind
    throw RowMistake("\(spelling(column)) must be a number, but is \(found)")
  }
}
