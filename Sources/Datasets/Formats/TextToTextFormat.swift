// A text and the text that it becomes.

import Base

/// `{"source": …, "target": …}`, or `{"translation": {"en": …, "de": …}}` with `data.columns: {source: en, target: de}`.
struct TextToTextFormat: RowFormat {
  let name = "text_to_text"
  let keys = "\"source\" and \"target\", or \"translation\""
  let columns = ["source", "target"]
  var needsLabel = true
  /// What stands before every source.
  var prefix: [UInt8] = []
  let isDetected = false

  func with(_ wishes: FormatWishes) -> Self {
    var format = self
    format.needsLabel = wishes.needsLabels
    format.prefix = wishes.sourcePrefix
    return format
  }

  func fits(_ row: DataRow) -> Bool {
    row.has("source") && row.has("target") || row.json["translation"] != nil
  }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    var row = row
    if !row.has("source"), let pair = row.json["translation"], pair.members != nil {
      row = DataRow(json: pair, columns: row.columns)
    }
    let source = try filled("source", row)
    return .answer(prompt: prefix + source, answer: needsLabel ? try filled("target", row) : [])
  }
}
