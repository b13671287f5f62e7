// What a model can continue.
import Base
import Models

extension ModelDescription {
  /// - Throws: if the model makes no texts.
  package func checkMakesTexts() throws {
    guard head != .languageModel else { return }
    throw UserError(
      .usage, head == .none ? "has no head, and makes no texts" : "is for another task, and makes no texts",
      at: folder, hint: head == .none ? "" : "swiftdp predict writes what it gives")
  }

  /// - Parameter place: where the prompt comes from, for messages.
  /// - Throws: if the prompt is empty, leaves no room for a token, or holds one that the model has no row for.
  package func check(prompt: [Int32], at place: String, code: ExitCode = .data) throws {
    let limit = longestText
    let beside =
      virtualPositions.count > 0 ? " beside \(counted(virtualPositions.count, "virtual token"))" : ""
    guard !prompt.isEmpty else {
      throw UserError(code, "is empty, and the tokenizer adds no beginning of text", at: place)
    }
    if answerStart != nil {
      guard prompt.count <= limit else {
        throw UserError(code, "has \(prompt.count) tokens, but the model reads at most \(limit)", at: place)
      }
      return try check(prompt)
    }
    guard prompt.count < limit else {
      throw UserError(
        code, "has \(prompt.count) tokens, but the model reads at most \(limit)\(beside)", at: place,
        hint: "at least one must be left for the answer")
    }
    try check(prompt)
  }
}
