// Instructions in the templates of Stanford Alpaca, and their outputs.

/// `{"instruction": …, "input": …, "output": …}`; `input` may be empty, null or missing
struct AlpacaFormat: RowFormat {
  let name = "alpaca"
  let keys = "\"instruction\" and \"output\""
  let columns = ["instruction", "input", "output"]

  /// With earlier turns, it is a chat.
  func fits(_ row: DataRow) -> Bool {
    row.has("instruction") && row.has("output") && !row.has("history")
  }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    let instruction = try row.text("instruction", self)
    let input = row.has("input") ? try row.text("input", self) : []
    return .answer(
      prompt: AlpacaTemplate.prompt(instruction: instruction, input: input),
      answer: try row.text("output", self))
  }
}
