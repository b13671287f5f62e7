// A chat with a model: what has been said, and what the model says next.
import Base
import Datasets
import Generation
import Models
import Retrieval
import Tokenizers
import Training

/// A model that answers, and how chats are written for it.
struct ChatVoice {
  /// The name of the model without an adapter.
  static let base = "base"

  let name: String
  let model: TrainedModel
  let encoder: ChatEncoder
  /// What the template writes behind an answer: where the model makes it, the answer is over. Empty if it writes nothing.
  let turnEnd: [UInt8]

  init(_ name: String, _ model: TrainedModel, _ encoder: ChatEncoder) {
    self.name = name
    self.model = model
    self.encoder = encoder
    turnEnd = encoder.turnEnd()
  }
}

final class ChatSession {
  /// Who may answer, and who does.
  let voices: [ChatVoice]
  private(set) var voice: ChatVoice
  private let sampling: Sampling
  private let maximum: Int
  private let system: String?
  private(set) var messages: [Conversation.Message] = []
  /// How many answers there have been: draws are keyed by it.
  private var answers = 0
  /// Finds passages for a question; nil where it is asked as it is. The chat keeps questions without passages.
  var grounding: ((_ question: String) throws -> GroundedQuestion)?
  /// What the last question was asked with; nil where nothing was looked for.
  private(set) var grounded: GroundedQuestion?

  /// - Parameters:
  ///   - voices: who may answer; the first one does.
  ///   - system: what the model is told before the chat.
  init(_ voices: [ChatVoice], system: String?, sampling: Sampling, maximum: Int) {
    self.voices = voices
    voice = voices[0]
    self.sampling = sampling
    self.maximum = maximum
    self.system = system
    reset()
  }

  /// Has another one answer from now on.
  /// - Returns: whether there is one of that name.
  func listen(to name: String) -> Bool {
    guard let found = voices.first(where: { $0.name == name }) else { return false }
    voice = found
    return true
  }

  /// Forgets everything but what the model was told before the chat.
  func reset() {
    messages = system.map { [Conversation.Message(role: "system", text: Array($0.utf8))] } ?? []
  }

  /// Takes the last question back, with its answer.
  /// - Returns: whether there was one.
  func undo() -> Bool {
    guard let last = messages.lastIndex(where: { $0.role == "user" }) else { return false }
    messages.removeSubrange(last...)
    return true
  }

  /// The chat as a row of data.
  var row: JSON { .object(["messages": .array(messages.map(\.json))]) }

  /// Asks, and hands on the answer as it comes. What was said of an answer that is stopped stays in the chat.
  /// - Parameter each: takes the next part, and returns whether to go on.
  /// - Throws: what the template raises, or if the chat is longer than the model reads; then nothing was asked.
  func ask(_ question: String, each: (String) throws -> Bool) throws {
    messages.append(Conversation.Message(role: "user", text: Array(question.utf8)))
    do {
      grounded = try grounding?(question)
      if let grounded, !grounded.isAnswerable {
        messages.append(
          Conversation.Message(role: ChatLoss.assistant, text: Array(GroundingOptions.noAnswer.utf8)))
        _ = try each(GroundingOptions.noAnswer)
        return
      }
      try answer(each)
    } catch {
      if messages.last?.role == "user" { messages.removeLast() }
      throw error
    }
  }

  /// The chat, with the passages before its last question.
  private var asked: [Conversation.Message] {
    guard let grounded else { return messages }
    return messages.dropLast() + [Conversation.Message(role: "user", text: grounded.prompt)]
  }

  private func answer(_ each: (String) throws -> Bool) throws {
    let (model, encoder) = (voice.model, voice.encoder)
    let prompt: [UInt8]
    do throws(ChatMistake) {
      prompt = try encoder.prompt(Conversation(messages: asked))
    } catch {
      throw UserError(.data, error.what, at: "the chat", hint: error.hint)
    }
    let tokens = model.tokenizer.encode(prompt, addSpecialTokens: false)
    let longest = model.replica.description.longestText
    guard tokens.count < longest else {
      throw UserError(
        .data, "has \(tokens.count) tokens, and the model reads at most \(longest)", at: "the chat",
        hint: "/undo takes the last question back, and /reset begins anew")
    }
    try model.replica.description.check(prompt: tokens, at: "the chat", code: .data)
    var decoder = StreamingDecoder(model.tokenizer, skipSpecialTokens: false)
    var said = StoppedText(end: voice.turnEnd)
    // Without the prompt, the first piece would lose the space before it.
    for token in tokens { _ = decoder.append(token) }
    defer {
      messages.append(Conversation.Message(role: ChatLoss.assistant, text: said.text))
      answers += 1
    }
    var goesOn = true
    try model.replica.generator.run(
      [Generator.Prompt(tokens, sample: answers)], maximum: maximum, sampling: sampling
    ) { _, token in
      goesOn = try each(said.append(decoder.append(token)))
      return goesOn && !said.isOver
    }
    if goesOn, !said.isOver { _ = try each(said.append(decoder.finish()) + said.finish()) }
  }
}

/// A text that is over where something stands in it, which may come in parts.
struct StoppedText {
  private let end: [UInt8]
  /// What is known not to belong to the end.
  private(set) var text: [UInt8] = []
  private var held: [UInt8] = []
  private(set) var isOver = false

  /// - Parameter end: empty for a text that nothing ends.
  init(end: [UInt8]) { self.end = end }

  /// - Returns: what may be shown, without what may become the end.
  mutating func append(_ part: String) -> String {
    guard !isOver else { return "" }
    held += Array(part.utf8)
    guard !end.isEmpty else { return take(held.count) }
    if let place = held.indices.first(where: { held[$0...].starts(with: end) }) {
      isOver = true
      return take(place)
    }
    let open = (0..<min(end.count, held.count + 1)).last { held.suffix($0).elementsEqual(end.prefix($0)) }
    return take(held.count - (open ?? 0))
  }

  /// - Returns: what was held back, where no end has come.
  mutating func finish() -> String { isOver ? "" : take(held.count) }

  private mutating func take(_ count: Int) -> String {
    let part = held.prefix(count)
    text += part
    held.removeFirst(count)
    return String(decoding: part, as: UTF8.self)
  }
}
