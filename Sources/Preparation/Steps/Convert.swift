// convert: rows in another format, where nothing is lost.
import Base
import Datasets

package final class Convert: RowStep {
  package static let name = "convert"
  package let record = StepRecord()

  private enum Target: String, CaseIterable { case messages, completion, alpaca, text }
  private let target: Target
  private let joinsInput: Bool

  package init(_ section: Section, _ facts: StepFacts) {
    target = section.choice("to", default: .messages)
    if !section.has("to") { section.fail("to", "is missing", hint: "messages, completion, alpaca or text") }
    joinsInput = section.bool("join_input", default: false)
    if joinsInput, target != .messages {
      section.fail("join_input", "is for to: messages", hint: "leave it out")
    }
  }

  package func apply(to row: PreparedRow) throws -> [PreparedRow] {
    let read = try Content(row.json)
    let new: [(String, JSON)] =
      switch target {
      case .text: try text(read)
      case .completion: try completion(read)
      case .alpaca: try alpaca(read)
      case .messages: try messages(read)
      }
    let names = Set(new.map(\.0))
    let kept = (row.json.members ?? []).filter { member in
      let key = String(decoding: member.key, as: UTF8.self)
      return !read.columns.contains(key) && !names.contains(key)
    }
    let json = JSON.object(new.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) } + kept)
    guard json != row.json else { return [row] }
    let old = row.encoded
    var row = row
    row.json = json
    record.change(row, from: old, to: row.encoded)
    return [row]
  }

  /// What a row says, whatever its columns are called.
  private struct Content {
    enum Kind {
      case text([UInt8])
      case answer(prompt: [UInt8], answer: [UInt8])
      case instruction([UInt8], input: [UInt8], output: [UInt8])
      case chat(Conversation)
    }
    let kind: Kind
    let columns: Set<String>

    init(_ row: JSON) throws {
      if Conversation.fits(row) {
        kind = .chat(try Conversation(row: row))
        columns = Set(Conversation.columns)
      } else if let instruction = row["instruction"]?.bytes, let output = row["output"]?.bytes {
        kind = .instruction(instruction, input: row["input"]?.bytes ?? [], output: output)
        columns = ["instruction", "input", "output"]
      } else if let prompt = row["prompt"]?.bytes,
        let answer = row["completion"]?.bytes ?? row["response"]?.bytes
      {
        kind = .answer(prompt: prompt, answer: answer)
        columns = ["prompt", row["completion"]?.bytes == nil ? "response" : "completion"]
      } else if let text = row["text"]?.bytes {
        kind = .text(text)
        columns = ["text"]
      } else {
        throw UserError(
          .data, "is no row of messages, completion, alpaca or text",
          hint: shown("its columns are", row))
      }
    }
  }

  private func text(_ content: Content) throws -> [(String, JSON)] {
    guard case .text(let text) = content.kind else {
      throw lost("which part of it is to be learned")
    }
    return [("text", .string(text))]
  }

  private func completion(_ content: Content) throws -> [(String, JSON)] {
    let (prompt, answer): ([UInt8], [UInt8])
    switch content.kind {
    case .text: throw UserError(.data, "is a text, and completion needs a prompt and its answer")
    case .answer(let asked, let answered): (prompt, answer) = (asked, answered)
    case .instruction(let instruction, let input, let output):
      (prompt, answer) = (alpacaPrompt(instruction: instruction, input: input), output)
    case .chat(let chat):
      let turns = try plainTurns(chat)
      guard turns.system == nil else { throw lost("the system prompt") }
      guard turns.pairs.count == 1 else {
        throw lost("the roles of \(counted(chat.messages.count, "message"))")
      }
      (prompt, answer) = turns.pairs[0]
    }
    return [("prompt", .string(prompt)), ("completion", .string(answer))]
  }

  private func alpaca(_ content: Content) throws -> [(String, JSON)] {
    func row(_ instruction: [UInt8], _ input: [UInt8], _ output: [UInt8]) -> [(String, JSON)] {
      [("instruction", .string(instruction)), ("input", .string(input)), ("output", .string(output))]
    }
    switch content.kind {
    case .text: throw UserError(.data, "is a text, and alpaca needs an instruction and its output")
    case .answer(let prompt, let answer): return row(prompt, [], answer)
    case .instruction(let instruction, let input, let output): return row(instruction, input, output)
    case .chat(let chat):
      let turns = try plainTurns(chat)
      guard let last = turns.pairs.last else { throw UserError(.data, "has no answer") }
      var members = row(last.0, [], last.1)
      if turns.pairs.count > 1 {
        members.append(
          ("history", .array(turns.pairs.dropLast().map { .array([.string($0.0), .string($0.1)]) })))
      }
      if let system = turns.system { members.append(("system", .string(system))) }
      return members
    }
  }

  private func messages(_ content: Content) throws -> [(String, JSON)] {
    func message(_ role: String, _ text: [UInt8]) -> Conversation.Message { .init(role: role, text: text) }
    let chat: Conversation
    switch content.kind {
    case .text: throw UserError(.data, "is a text, and messages need a question and its answer")
    case .answer(let prompt, let answer):
      chat = Conversation(messages: [message("user", prompt), message("assistant", answer)])
    case .instruction(let instruction, let input, let output):
      guard input.isEmpty || joinsInput else {
        var error = lost("where the instruction ends and its input begins")
        error.hint = "join_input: true puts the input on lines of its own behind the instruction"
        throw error
      }
      let asked = input.isEmpty ? instruction : instruction + [0x0A] + input
      chat = Conversation(messages: [message("user", asked), message("assistant", output)])
    case .chat(let given): chat = given
    }
    let rows: [JSON] = chat.messages.map { message in
      // Other messages than answers carry no loss anyway.
      guard !message.counts, message.role == "assistant" else { return message.json }
      return .object(
        (message.json.members ?? []) + [JSON.Member(key: Array("weight".utf8), value: .integer(0))])
    }
    var members: [(String, JSON)] = [("messages", .array(rows))]
    if let tools = chat.tools { members.append(("tools", tools)) }
    if !chat.extra.isEmpty { members.append(("chat_template_kwargs", .object(chat.extra))) }
    return members
  }

  /// Questions and answers in turn.
  /// - Throws: where a chat is more than that.
  private func plainTurns(_ chat: Conversation) throws -> (system: [UInt8]?, pairs: [([UInt8], [UInt8])]) {
    guard chat.tools == nil, chat.extra.isEmpty else { throw lost("the tools and variables of the chat") }
    var messages = chat.messages[...]
    func plain(_ message: Conversation.Message) throws -> [UInt8] {
      guard message.json.members?.count == 2, let text = message.json["content"]?.bytes else {
        throw lost("what a message of \(message.role) has beside its text")
      }
      return text
    }
    var system: [UInt8]?
    if let first = messages.first, first.role == "system" {
      system = try plain(first)
      messages = messages.dropFirst()
    }
    var pairs: [([UInt8], [UInt8])] = []
    while let asked = messages.popFirst() {
      guard asked.role == "user", let answer = messages.popFirst(), answer.role == "assistant" else {
        throw lost("the order of its roles, which are not user and assistant in turn")
      }
      guard answer.counts else { throw lost("the weight of an answer") }
      pairs.append((try plain(asked), try plain(answer)))
    }
    return (system, pairs)
  }

  private func lost(_ what: String) -> UserError {
    UserError(
      .data, "in format \(target.rawValue) it would lose \(what)",
      hint: "filter such rows out before, or convert to another format")
  }
}

private func shown(_ before: String, _ row: JSON) -> String {
  let keys = (row.members ?? []).prefix(12).map { String(decoding: $0.key, as: UTF8.self) }
  return "\(before) \(keys.joined(separator: ", "))"
}
