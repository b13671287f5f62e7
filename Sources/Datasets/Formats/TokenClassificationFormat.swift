// The words of a sentence, each with a label.

import Base

/// `{"words": [ … ], "labels": [ … ]}`, or a sentence of a .conll file, whose words stand first and labels last.
/// Hugging Face's names `tokens` and `ner_tags` are taken too.
struct TokenClassificationFormat: RowFormat {
  let name = "token_classification"
  var needsLabel = true
  var keys: String { needsLabel ? "\"words\" and \"labels\"" : "\"words\"" }
  static let words = ["words", "tokens", "word"]
  static let labels = ["labels", "ner_tags", "tags", "label"]
  let columns = words + labels
  let isLabelled = true

  func with(_ wishes: FormatWishes) -> Self {
    var format = self
    format.needsLabel = wishes.needsLabels
    return format
  }

  func fits(_ row: DataRow) -> Bool { column(Self.words, row) != nil }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    let isCoNLL = column(Self.words, row) == nil && row.json["0"]?.elements != nil
    let words = try texts(isCoNLL ? row.json["0"] : nil, Self.words, row)
    if let place = words.firstIndex(where: \.isEmpty) {
      throw RowMistake("\(row.spelling("words")) holds an empty word at place \(place)")
    }
    guard needsLabel else { return .words(words, labels: nil) }
    let last = isCoNLL && column(Self.labels, row) == nil ? row.json.members?.last : nil
    if let last, last.key == [UInt8(ascii: "0")] { throw RowMistake("has words, and no column with labels") }
    let labels = try texts(last?.value, Self.labels, row)
    guard labels.count == words.count else {
      throw RowMistake("has \(counted(words.count, "word")) and \(counted(labels.count, "label"))")
    }
    return .words(words, labels: labels.map { String(decoding: $0, as: UTF8.self) })
  }

  /// The first of some columns that a row has or a setting names.
  private func column(_ names: [String], _ row: DataRow) -> String? {
    names.first { row.columns.has($0) } ?? names.first { row.has($0) }
  }

  /// A list of texts; whole numbers are taken as they are written.
  private func texts(_ found: JSON?, _ names: [String], _ row: DataRow) throws(RowMistake) -> [[UInt8]] {
    let column = column(names, row) ?? names[0]
    let value = if let found { found } else { try row.value(column, self) }
    guard let elements = value.elements else {
      throw RowMistake("\(row.spelling(column)) must be a list of texts, but is \(value.kind)")
    }
    var texts: [[UInt8]] = []
    for element in elements {
      guard let text = element.bytes ?? element.integer.map({ Array(String($0).utf8) }) else {
        throw RowMistake("\(row.spelling(column)) must be a list of texts, but holds \(element.kind)")
      }
      texts.append(text)
    }
    return texts
  }
}
