// Chats: messages of roles, in the forms that data sets have them.
import Base

/// `{"messages": [{"role", "content"} …], "tools": [ … ]}` as OpenAI has it, `{"conversations": [{"from", "value"} …]}` as
/// ShareGPT and Vicuna, `{"prompt": [ … ], "completion": [ … ]}` as TRL, or Alpaca's columns with a `history` of pairs.
struct MessagesFormat: RowFormat {
  let name = "messages"
  let keys =
    "\"messages\", or \"conversations\", or \"prompt\" and \"completion\" as lists of messages, or \"instruction\", "
    + "\"output\" and \"history\""
  let columns = [
    "messages", "conversations", "prompt", "completion", "instruction", "input", "output", "history",
    "system", "tools", "chat_template_kwargs",
  ]

  func fits(_ row: DataRow) -> Bool {
    row.has("messages") || row.has("conversations")
      || row.isList("prompt") && (row.isList("completion") || row.isList("response"))
      || row.has("instruction") && row.has("output") && row.has("history")
  }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    var messages = try self.messages(row)
    if row.has("system"), messages.first?.role != "system" {
      let system = try row.text("system", self)
      if !system.isEmpty { messages.insert(.init(role: "system", text: system), at: 0) }
    }
    guard !messages.isEmpty else { throw RowMistake("has no messages") }
    return .chat(
      Conversation(messages: messages, tools: try tools(row), extra: try templateVariables(row)))
  }

  private func messages(_ row: DataRow) throws(RowMistake) -> [Conversation.Message] {
    if row.has("messages") { return try messages("messages", row) }
    if row.has("conversations") { return try messages("conversations", row) }
    if row.has("prompt") {
      let asked = try messages("prompt", row, counts: false, role: "user")
      return asked + (try messages("completion", row, role: ChatLoss.assistant))
    }
    guard row.has("instruction") else {
      throw RowMistake("has no \(row.spelling("messages"))", hint: "a row of format \(name) has \(keys)")
    }
    return try alpaca(row)
  }

  /// Stanford Alpaca's columns, where earlier turns are pairs.
  private func alpaca(_ row: DataRow) throws(RowMistake) -> [Conversation.Message] {
    var messages: [Conversation.Message] = []
    if row.has("history") {
      let history = try row.value("history", self)
      guard let pairs = history.elements else {
        throw RowMistake("\(row.spelling("history")) must be a list of pairs, but is \(history.kind)")
      }
      for pair in pairs {
        guard let texts = pair.elements, texts.count == 2, let asked = texts[0].bytes,
          let answer = texts[1].bytes
        else { throw RowMistake("\(row.spelling("history")) must hold pairs of a question and its answer") }
        messages += [.init(role: "user", text: asked), .init(role: ChatLoss.assistant, text: answer)]
      }
    }
    var question = try row.text("instruction", self)
    if row.has("input") {
      let input = try row.text("input", self)
      if !input.isEmpty { question += [UInt8(ascii: "\n")] + input }
    }
    messages.append(.init(role: "user", text: question))
    messages.append(.init(role: ChatLoss.assistant, text: try row.text("output", self)))
    return messages
  }
}

extension Conversation.Message {
  /// The roles that ShareGPT's data sets have, by their names there.
  private static let otherNames = [
    "human": "user", "gpt": ChatLoss.assistant, "chatgpt": ChatLoss.assistant,
    "bing": ChatLoss.assistant, "bard": ChatLoss.assistant, "model": ChatLoss.assistant,
    "observation": "tool", "tool_response": "tool", "function_response": "tool",
  ]

  /// What calls a tool, with the calls as JSON in its text.
  private static let calls: Set = ["function_call", "tool_call"]

  /// - Throws: where it has no role, or neither a content nor anything in its place.
  init(_ json: JSON) throws(RowMistake) {
    guard var members = json.members else { throw RowMistake("must be an object, but is \(json.kind)") }
    var counts = true
    if let weight = json["weight"], !weight.isNull {
      guard weight == .integer(0) || weight == .integer(1) || weight.double == 0 || weight.double == 1 else {
        throw RowMistake("has a weight other than 0 and 1", hint: "0 leaves a message out of the loss")
      }
      counts = weight.double != 0
    }
    members.removeAll { $0.key.elementsEqual("weight".utf8) }
    if json["role"] == nil, let from = json["from"] {
      guard let name = from.text else { throw RowMistake("has a \"from\" that is \(from.kind)") }
      guard let value = json["value"]?.bytes else { throw RowMistake("has no \"value\" that is a text") }
      if Self.calls.contains(name) {
        self.init(json: try Self.call(value), role: ChatLoss.assistant, counts: counts)
      } else {
        self.init(role: Self.otherNames[name] ?? name, text: value, counts: counts)
      }
      return
    }
    guard let role = json["role"]?.text, !role.isEmpty else {
      let near = json["role"].map { " that is a name, but \($0.kind)" } ?? ""
      throw RowMistake(
        "has no \"role\"\(near)", hint: "a message has \"role\" and \"content\", or \"from\" and \"value\"")
    }
    let content = json["content"] ?? .null
    let hasCalls = json["tool_calls"]?.elements?.isEmpty == false
    switch content {
    case .string, .array: break
    case .null where hasCalls || json["content"] != nil: break
    case .null: throw RowMistake("has no \"content\"")
    default:
      throw RowMistake("has a \"content\" that is \(content.kind)", hint: "it is a text, or a list of parts")
    }
    self.init(json: .object(members), role: role, counts: counts)
  }

  /// A message that calls tools, of `{"name", "arguments"}` or a list of such objects as a text.
  private static func call(_ text: [UInt8]) throws(RowMistake) -> JSON {
    guard let json = try? JSON.parse(text, takesLargeNumbers: true) else {
      throw RowMistake("calls a tool with a text that is not JSON")
    }
    func object(_ members: [(String, JSON)]) -> JSON {
      .object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
    }
    let calls = (json.elements ?? [json]).map {
      object([("type", .string("function")), ("function", $0)])
    }
    return object([
      ("role", .string(ChatLoss.assistant)), ("content", .string("")), ("tool_calls", .array(calls)),
    ])
  }
}
