// Prompts and their answers, of which only the answers are learned.

/// `{"prompt": …, "completion": …}`, or `response` in the place of `completion`
struct CompletionFormat: RowFormat {
  let name = "completion"
  let keys = "\"prompt\" and \"completion\" (or \"response\")"
  let columns = ["prompt", "completion", "response"]

  /// Lists are messages.
  func fits(_ row: DataRow) -> Bool {
    row.has("prompt") && !row.isList("prompt") && (row.has("completion") || row.has("response"))
  }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    let prompt = try row.text("prompt", self)
    guard !row.has("completion") || !row.has("response") else {
      throw RowMistake("has both \"completion\" and \"response\"", hint: "keep one of them")
    }
    return .answer(
      prompt: prompt, answer: try row.text(row.has("response") ? "response" : "completion", self))
  }
}
