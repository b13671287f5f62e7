// Answers to prompts, of which some are better than others, as TRL and others have them.

import Base

/// `{"prompt": …, "chosen": …, "rejected": …}`, also without `prompt` where both begin alike; `{"prompt": …, "completion": …,
/// "label": true}`; or `{"prompt": …, "completions": [ … ]}`, the best first or with `scores`. Prompts and answers are texts
/// or messages; `messages`, `conversations`, or `instruction` and `input` may stand in the place of `prompt`.
struct PreferenceFormat: RowFormat {
  let name = "preference"
  /// Whether rows must say which answers are better: not where that is to be told.
  var needsLabel = true
  var keys: String {
    "\"chosen\" and \"rejected\", or \"completion\" and \"label\", or \"completions\", beside \"prompt\""
  }
  let columns = [
    "prompt", "chosen", "rejected", "completion", "response", ClassificationFormat.label, "completions",
    "scores", "margin", "score_chosen", "score_rejected", "messages", "conversations", "instruction", "input",
    "text", "system", "tools", "chat_template_kwargs",
  ]
  let isLabelled = true
  /// More answers than this are taken for something else.
  static let most = 64

  func with(_ wishes: FormatWishes) -> Self {
    var format = self
    format.needsLabel = wishes.needsLabels
    return format
  }

  func fits(_ row: DataRow) -> Bool {
    row.has("chosen") && row.has("rejected") || row.has("completions")
      || row.has(ClassificationFormat.label) || !needsLabel
  }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    if row.has("chosen") || row.has("rejected") { return .preference(try pair(row)) }
    if row.has("completions") { return .preference(try ranked(row)) }
    return .preference(try single(row))
  }

  // MARK: what a row compares

  private func pair(_ row: DataRow) throws(RowMistake) -> Preference {
    let chosen = try content("chosen", row, of: ChatLoss.assistant)
    let rejected = try content("rejected", row, of: ChatLoss.assistant)
    let margin = try margin(row)
    var prompt = try prompt(row)
    var answers = (chosen, rejected)
    switch (prompt, chosen, rejected) {
    case (nil, .text(let first), .text(let second)):
      let end = try Self.commonPrompt(first, second)
      prompt = .text(Array(first[..<end]))
      answers = (.text(Array(first[end...])), .text(Array(second[end...])))
    case (nil, .messages(let first), .messages(let second)),
      (.text, .messages(let first), .messages(let second)):
      // A text beside whole chats is what they begin with.
      let end = zip(first, second).prefix { $0.json == $1.json }.count
      guard end > 0 || prompt != nil else { break }
      guard end < min(first.count, second.count) else {
        throw RowMistake("\(row.spelling("chosen")) and \(row.spelling("rejected")) are the same chat")
      }
      if end > 0 {
        prompt = .messages(Array(first[..<end]))
        answers = (.messages(Array(first[end...])), .messages(Array(second[end...])))
      }
    default: break
    }
    let isChat = answers.0.isChat || answers.1.isChat
    return Preference(
      answers: [
        try answered(prompt, answers.0, "chosen", row, isChat: isChat),
        try answered(prompt, answers.1, "rejected", row, isChat: isChat),
      ], pairs: [.init(0, over: 1, margin: margin)])
  }

  /// By how much the better answer is better.
  private func margin(_ row: DataRow) throws(RowMistake) -> Float {
    var margin: Float = 0
    if row.has("margin") {
      margin = try row.number(try row.value("margin", self), "margin")
    } else if row.has("score_chosen") && row.has("score_rejected") {
      margin =
        try row.number(try row.value("score_chosen", self), "score_chosen")
        - row.number(try row.value("score_rejected", self), "score_rejected")
    }
    guard margin >= 0, margin.isFinite else {
      throw RowMistake("says that the rejected answer is the better one", hint: "a margin is 0 or more")
    }
    return margin
  }

  /// Every answer beside every one that is worse.
  private func ranked(_ row: DataRow) throws(RowMistake) -> Preference {
    let prompt = try prompt(row)
    guard let elements = try row.value("completions", self).elements else {
      throw RowMistake("\(row.spelling("completions")) must be a list of answers")
    }
    guard (2...Self.most).contains(elements.count) else {
      throw RowMistake("has \(counted(elements.count, "answer")), where 2 to \(Self.most) are meant")
    }
    var contents: [Content] = []
    for element in elements {
      contents.append(try content(element, "completions", row, of: ChatLoss.assistant))
    }
    let isChat = contents.contains(where: \.isChat)
    var answers: [Preference.Answer] = []
    for content in contents {
      answers.append(try answered(prompt, content, "completions", row, isChat: isChat))
    }
    // Without scores, the best comes first.
    var scores = answers.indices.map { -Float($0) }
    let hasScores = row.has("scores")
    if hasScores {
      guard let given = try row.value("scores", self).elements, given.count == answers.count else {
        throw RowMistake("\(row.spelling("scores")) must be a list with a number for each answer")
      }
      for (place, score) in given.enumerated() { scores[place] = try row.number(score, "scores") }
    }
    var pairs: [Preference.Pair] = []
    for better in answers.indices {
      for worse in answers.indices where scores[better] > scores[worse] {
        pairs.append(.init(better, over: worse, margin: hasScores ? scores[better] - scores[worse] : 0))
      }
    }
    return Preference(answers: answers, pairs: pairs)
  }

  /// One answer: a column, or the last message of a chat.
  private func single(_ row: DataRow) throws(RowMistake) -> Preference {
    let isWanted = needsLabel ? try wanted(row) : nil
    let column = row.has("response") ? "response" : "completion"
    if row.has(column) {
      let answer = try content(column, row, of: ChatLoss.assistant)
      return Preference(answers: [try answered(try prompt(row), answer, column, row)], isWanted: isWanted)
    }
    if case .messages(let messages)? = try prompt(row), let last = messages.last {
      guard last.role == ChatLoss.assistant else {
        throw RowMistake("ends with a message of \(last.role.quoted), where an answer is meant")
      }
      return Preference(
        answers: [
          try answered(.messages(messages.dropLast()), .messages([last]), "messages", row)
        ], isWanted: isWanted)
    }
    guard !needsLabel else { throw missing("completion", row) }
    return Preference(answers: [.text(prompt: [], answer: try filled("text", row))])
  }

  private func missing(_ column: String, _ row: DataRow) -> RowMistake {
    do throws(RowMistake) {
      _ = try row.value(column, self)
      return RowMistake("has no answer")
    } catch { return error }
  }

  private func wanted(_ row: DataRow) throws(RowMistake) -> Bool {
    let column = ClassificationFormat.label
    // A row that compares nothing is most often one without its pair.
    guard row.has(column) || row.has("completion") || row.has("response") else {
      throw missing("chosen", row)
    }
    let value = try row.value(column, self)
    if let label = value.bool { return label }
    switch value.integer.map({ String($0) }) ?? value.text?.lowercased() {
    case "1", "true": return true
    case "0", "false": return false
    default:
      if row.isOfNames { return true }
      throw RowMistake("\(row.spelling(column)) must be true or false, or 1 or 0")
    }
  }

  // MARK: prompts and answers

  /// A prompt or an answer.
  private enum Content {
    case text([UInt8])
    case messages([Conversation.Message])

    var isChat: Bool { if case .messages = self { true } else { false } }
  }

  private func content(
    _ column: String, _ row: DataRow, of role: String
  ) throws(RowMistake) -> Content {
    try content(try row.value(column, self), column, row, of: role)
  }

  private func content(
    _ value: JSON, _ column: String, _ row: DataRow, of role: String
  ) throws(RowMistake) -> Content {
    if let text = value.bytes { return .text(text) }
    return .messages(try messages(in: value, column, row, role: role))
  }

  /// What the answers answer to; nil where the row has no column for it.
  private func prompt(_ row: DataRow) throws(RowMistake) -> Content? {
    var prompt: Content
    if row.has("prompt") {
      prompt = try content("prompt", row, of: "user")
    } else if let column = ["messages", "conversations"].first(where: row.has) {
      prompt = .messages(try messages(column, row))
    } else if row.has("instruction") {
      let input = row.has("input") ? try row.text("input", self) : []
      prompt = .text(AlpacaTemplate.prompt(instruction: try row.text("instruction", self), input: input))
    } else {
      return nil
    }
    if row.has("system"), case .messages(let messages) = prompt, messages.first?.role != "system" {
      let system = try row.text("system", self)
      if !system.isEmpty { prompt = .messages([.init(role: "system", text: system)] + messages) }
    }
    return prompt
  }

  /// - Parameter isChat: whether other answers to the prompt are chats, which templates write.
  private func answered(
    _ prompt: Content?, _ answer: Content, _ column: String, _ row: DataRow, isChat: Bool = false
  ) throws(RowMistake) -> Preference.Answer {
    if !isChat, case .text(let answer) = answer {
      switch prompt {
      case nil: return .text(prompt: [], answer: answer)
      case .text(let prompt): return .text(prompt: prompt, answer: answer)
      case .messages: break
      }
    }
    let asked: [Conversation.Message] =
      switch prompt {
      case nil: []
      case .text(let text): [.init(role: "user", text: text)]
      case .messages(let messages): messages
      }
    let said: [Conversation.Message] =
      switch answer {
      case .text(let text): [.init(role: ChatLoss.assistant, text: text)]
      case .messages(let messages): messages
      }
    guard said.contains(where: { $0.role == ChatLoss.assistant }) else {
      throw RowMistake("\(row.spelling(column)) has no message of the assistant")
    }
    let messages =
      asked.map { message in
        var message = message
        message.counts = false
        return message
      } + said
    return .chat(
      Conversation(messages: messages, tools: try tools(row), extra: try templateVariables(row)))
  }

  // MARK: what two texts have in common

  private static let human = Array("\n\nHuman:".utf8)
  private static let assistant = Array("\n\nAssistant:".utf8)

  /// Where two texts that begin with their prompt stop being alike: behind the last `Assistant:` that both have in texts
  /// of hh-rlhf, and otherwise where TRL's `extract_prompt` cuts, before a space.
  private static func commonPrompt(_ first: [UInt8], _ second: [UInt8]) throws(RowMistake) -> Int {
    var end = zip(first, second).prefix { $0 == $1 }.count
    if first.starts(with: human) {
      let starts = stride(from: end - assistant.count, through: 0, by: -1)
      if let start = starts.first(where: { first[$0...].starts(with: assistant) }) {
        return start + assistant.count
      }
    }
    guard end < max(first.count, second.count) else {
      throw RowMistake(
        "has two equal texts, of which nothing tells where the prompt ends", hint: "give \"prompt\" too")
    }
    // A character of several bytes stays whole.
    while end > 0, [first, second].contains(where: { end < $0.count && $0[end] & 0xC0 == 0x80 }) { end -= 1 }
    return end > 0 && first[end - 1] == 0x20 ? end - 1 : end
  }
}
