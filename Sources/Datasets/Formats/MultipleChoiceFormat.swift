// Several endings of which one is right.

import Base

/// `{"context": …, "choices": [ … ], "label": 0}`, or SWAG's `sent1`, `sent2`, `ending0` … `ending3`, `label`. The label
/// is the place of the right one, from 0.
struct MultipleChoiceFormat: RowFormat {
  let name = "multiple_choice"
  var needsLabel = true
  let keys = "\"context\", \"choices\" and \"label\", or SWAG's \"sent1\", \"sent2\" and \"ending0\" …"
  let columns =
    ["context", "choices", ClassificationFormat.label, "sent1", "sent2"] + (0..<most).map { "ending\($0)" }
  let isLabelled = true
  /// More endings than this are taken for something else.
  static let most = 64

  func with(_ wishes: FormatWishes) -> Self {
    var format = self
    format.needsLabel = wishes.needsLabels
    return format
  }

  func fits(_ row: DataRow) -> Bool { row.has("choices") || row.has("ending0") }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    let (context, endings) = row.has("ending0") ? try swag(row) : try listed(row)
    guard (2...Self.most).contains(endings.count) else {
      throw RowMistake("has \(counted(endings.count, "choice")), where 2 to \(Self.most) are meant")
    }
    guard needsLabel else { return .choices(context, endings: endings, right: nil) }
    let label = ClassificationFormat.label
    let value = try row.value(label, self)
    guard let right = value.integer ?? value.text.flatMap({ Int($0) }), endings.indices.contains(right) else {
      throw RowMistake(
        "\(row.spelling(label)) must be the place of the right choice, 0 to \(endings.count - 1)")
    }
    return .choices(context, endings: endings, right: right)
  }

  private func listed(_ row: DataRow) throws(RowMistake) -> ([UInt8], [[UInt8]]) {
    let context = try filled("context", row)
    let value = try row.value("choices", self)
    var endings: [[UInt8]] = []
    for element in value.elements ?? [] {
      guard let text = element.bytes else {
        throw RowMistake("\(row.spelling("choices")) must be a list of texts, but holds \(element.kind)")
      }
      endings.append(text)
    }
    guard value.elements != nil else {
      throw RowMistake("\(row.spelling("choices")) must be a list of texts, but is \(value.kind)")
    }
    return (context, endings)
  }

  /// The second sentence is begun in `sent2`, and ended by each choice.
  private func swag(_ row: DataRow) throws(RowMistake) -> ([UInt8], [[UInt8]]) {
    let context = try filled("sent1", row)
    let begin = row.has("sent2") ? try row.text("sent2", self) + [UInt8(ascii: " ")] : []
    var endings: [[UInt8]] = []
    while endings.count < Self.most, row.has("ending\(endings.count)") {
      endings.append(begin + (try row.text("ending\(endings.count)", self)))
    }
    return (context, endings)
  }
}
