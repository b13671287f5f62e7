// Plain text: every token is learned.

/// `{"text": …}`
struct TextFormat: RowFormat {
  let name = "text"
  let keys = "\"text\""
  let columns = ["text"]

  func fits(_ row: DataRow) -> Bool { row.has("text") }

  func example(_ row: DataRow) throws(RowMistake) -> Example { .document(try row.text("text", self)) }
}
