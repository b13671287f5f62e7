// Prompts to answer, as rows of a JSONL file, and the same rows with their answers, as data of format `completion`.
import Base

package struct PromptFile {
  package struct Row {
    /// From 1.
    package let line: Int
    /// UTF-8.
    package let prompt: [UInt8]
    /// What the row names as its adapter; nil for none.
    package let adapter: String?
    /// What is searched for in its place; nil for none.
    package let query: [UInt8]?
    /// The row as it stands in its file.
    fileprivate let text: [UInt8]
    fileprivate let members: [JSON.Member]
  }

  package let path: String
  package private(set) var rows: [Row] = []

  /// - Throws: `UserErrors` with the first bad rows, or what is wrong with the file.
  package init(_ path: String) throws {
    self.path = path
    let file = try DataFile(path)
    guard file.kind == .jsonLines else {
      throw UserError(
        .data, "prompts are rows of a .jsonl file", at: path, hint: "swiftdp data convert makes one")
    }
    var mistakes: [UserError] = []
    try file.forEachRow { row in
      do throws(RowMistake) {
        let json = try row.json.get()
        guard let members = json.members else { throw .noObject(json) }
        rows.append(
          Row(
            line: row.line, prompt: try Self.prompt(of: json), adapter: json["adapter"]?.text,
            query: json["query"]?.bytes, text: file.text(of: row), members: members))
      } catch {
        mistakes.append(error.at("\(path):\(row.line)"))
      }
      return true
    }
    try file.check()
    try Self.refuse(mistakes, in: path)
    guard !rows.isEmpty else { throw UserError(.data, "the file has no rows", at: path) }
  }

  private static func prompt(of row: JSON) throws(RowMistake) -> [UInt8] {
    guard let value = row["prompt"] else {
      throw RowMistake("has no \"prompt\"", hint: "a row is {\"prompt\": …}, with any other keys")
    }
    guard let prompt = value.bytes else {
      throw RowMistake("\"prompt\" must be a string, but is \(value.kind)")
    }
    return prompt
  }

  /// Throws the first mistakes of many, if there are any.
  package static func refuse(_ mistakes: [UserError], in path: String) throws {
    guard !mistakes.isEmpty else { return }
    var told = Array(mistakes.prefix(ExampleReader.rowsTold))
    if mistakes.count > told.count {
      let more = counted(mistakes.count - told.count, "more row")
      told.append(UserError(.data, "and \(more) that cannot be used", at: path))
    }
    throw UserErrors(told)
  }

  /// What messages about a row begin with.
  package func place(of row: Int) -> String { "\(path):\(rows[row].line)" }
}

extension PromptFile.Row {
  /// The row in one line, with its answer: other keys stay as they are, and an answer that it had goes.
  /// - Parameters:
  ///   - ids: the tokens of the answer, if they are wanted.
  ///   - beside: what else is told of the answer.
  package func answered(_ completion: String, ids: [Int32]?, beside: [JSON.Member] = []) -> String {
    var added = [JSON.Member(key: Array("completion".utf8), value: .string(completion))]
    if let ids {
      added.append(JSON.Member(key: Array("ids".utf8), value: .array(ids.map { .integer(Int($0)) })))
    }
    added += beside
    let replaced = added.map(\.key) + [Array("response".utf8)]
    let kept = members.filter { !replaced.contains($0.key) }
    guard kept.count == members.count else { return JSON.object(kept + added).encoded() }
    // Numbers may be longer than any type of ours, so the text itself is kept.
    let end = text.lastIndex(of: UInt8(ascii: "}")) ?? text.endIndex
    return String(decoding: text[..<end], as: UTF8.self) + ", " + JSON.object(added).encoded().dropFirst()
  }
}
