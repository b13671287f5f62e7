// Texts that belong together.

import Base

/// `{"anchor": …, "positive": …}` with an optional `negative`, or `{"text": …, "text_pair": …, "score": 0.8}`. A `text`
/// alone is embedded, and not trained on.
struct EmbeddingFormat: RowFormat {
  let name = "embedding"
  var needsLabel = true
  let keys = "\"anchor\" and \"positive\" (and \"negative\"), or \"text\", \"text_pair\" and \"score\""
  let columns = ["anchor", "positive", "negative", "text", ClassificationFormat.pair, "score"]
  let isLabelled = true

  func with(_ wishes: FormatWishes) -> Self {
    var format = self
    format.needsLabel = wishes.needsLabels
    return format
  }

  func fits(_ row: DataRow) -> Bool { row.has("anchor") || row.has("text") }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    guard needsLabel else {
      return .texts([try filled(row.has("anchor") ? "anchor" : "text", row)], score: nil)
    }
    if row.has("text") {
      let pair = [try filled("text", row), try filled(ClassificationFormat.pair, row)]
      return .texts(pair, score: try row.number(try row.value("score", self), "score"))
    }
    var texts = [try filled("anchor", row), try filled("positive", row)]
    if row.has("negative") || row.columns.has("negative") { texts.append(try filled("negative", row)) }
    return .texts(texts, score: nil)
  }
}
