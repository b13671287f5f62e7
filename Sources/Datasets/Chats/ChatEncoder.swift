// Turns a chat into tokens, by its model's template, and finds the tokens that are learned.
import Base
import Templates
import Tokenizers

package struct ChatEncoder: Sendable {
  package let template: ChatTemplate
  let loss: ChatLoss
  let encoding: any TextEncoding

  package init(_ template: ChatTemplate, loss: ChatLoss, encoding: any TextEncoding) {
    self.template = template
    self.loss = loss
    self.encoding = encoding
  }

  /// The tokens of a chat. The template writes all special tokens itself, so that none is doubled.
  /// - Throws: what the template raises, and where it does not tell which part of the text a message is.
  package func encode(_ conversation: Conversation) throws(ChatMistake) -> EncodedRow {
    let conversation = conversation.shaped(for: template)
    let rendered = try render(conversation, conversation.messages.count, prompts: false)
    let placed = encoding.encodeWithPlaces(rendered.text)
    if loss == .all, conversation.messages.allSatisfy(\.counts) {
      return EncodedRow(tokens: placed.tokens, targets: [0..<placed.tokens.count])
    }
    let parts = try targets(of: conversation, rendered)
    return EncodedRow(tokens: placed.tokens, targets: tokenRanges(of: parts, in: placed, rendered.text))
  }

  /// The text of a whole chat.
  package func text(_ conversation: Conversation) throws(ChatMistake) -> [UInt8] {
    try render(conversation.shaped(for: template), conversation.messages.count, prompts: false).text
  }

  /// The text that a model is asked to continue.
  package func prompt(_ conversation: Conversation) throws(ChatMistake) -> [UInt8] {
    try render(conversation.shaped(for: template), conversation.messages.count, prompts: true).text
  }

  func render(
    _ conversation: Conversation, _ count: Int, prompts: Bool
  ) throws(ChatMistake) -> RenderedText {
    do throws(TemplateError) {
      return try template.render(
        messages: conversation.prefix(count), tools: conversation.tools, addGenerationPrompt: prompts,
        extra: conversation.extra)
    } catch {
      let part = count < conversation.messages.count ? " for its first \(counted(count, "message"))" : ""
      throw ChatMistake("the template \(template.name) refuses it\(part): \(error)")
    }
  }

  // MARK: which bytes

  /// The bytes of the rendered text that are learned.
  private func targets(
    of conversation: Conversation, _ rendered: RenderedText
  ) throws(ChatMistake) -> [Range<Int>] {
    let messages = conversation.messages
    let taken = messages.indices.filter { loss.takes($0, of: conversation) }
    // A block tells most exactly what the model says; which message it belongs to is known if each has one.
    let answers = messages.indices.filter { messages[$0].role == ChatLoss.assistant }
    if template.marksGeneration, taken.allSatisfy(answers.contains),
      rendered.generated.count == answers.count || taken == answers
    {
      guard rendered.generated.count == answers.count else { return rendered.generated }
      return zip(answers, rendered.generated).filter { taken.contains($0.0) }.map(\.1)
    }
    var parts: [Range<Int>] = []
    for message in taken {
      parts.append(try part(message, of: conversation, rendered.text))
    }
    return parts
  }

  /// The bytes of a message: what the text has more with it than without it, but for the beginning of its turn.
  private func part(
    _ message: Int, of conversation: Conversation, _ whole: [UInt8]
  ) throws(ChatMistake) -> Range<Int> {
    let isLast = message == conversation.messages.count - 1
    let end = isLast ? whole : try render(conversation, message + 1, prompts: false).text
    guard whole.starts(with: end) else { throw changes(message, "what stands after it") }
    guard message > 0 else { return 0..<end.count }
    let isAnswer = conversation.messages[message].role == ChatLoss.assistant
    let start = try render(conversation, message, prompts: isAnswer).text
    if end.starts(with: start) { return start.count..<end.count }
    // Without the beginning of an answer, that beginning is learned too.
    let without = isAnswer ? try render(conversation, message, prompts: false).text : start
    guard isAnswer, end.starts(with: without) else { throw changes(message - 1, "the message behind it") }
    return without.count..<end.count
  }

  private func changes(_ message: Int, _ reason: String) -> ChatMistake {
    ChatMistake(
      "the template \(template.name) writes message \(message + 1) in another way for \(reason)",
      hint: "set data.loss=last_answer or data.loss=all, or data.template to one with {% generation %}",
      cause: .changedTurn)
  }

  // MARK: which tokens

  /// The tokens that stand for some bytes, without white space behind the end of a turn, which no model has to make.
  private func tokenRanges(
    of parts: [Range<Int>], in placed: PlacedTokens, _ text: [UInt8]
  ) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var first = 0
    for part in parts where !part.isEmpty {
      while first < placed.places.count, placed.places[first].upperBound <= part.lowerBound { first += 1 }
      var end = first
      while end < placed.places.count, placed.places[end].lowerBound < part.upperBound { end += 1 }
      var last = end
      while last > first, text[placed.places[last - 1]].allSatisfy(Self.isSpace) { last -= 1 }
      if last > first, last < end, encoding.isSpecial(placed.tokens[last - 1]) { end = last }
      if let before = ranges.last, before.upperBound >= first {
        ranges[ranges.count - 1] = before.lowerBound..<max(end, before.upperBound)
      } else if end > first {
        ranges.append(first..<end)
      }
      first = end
    }
    return ranges
  }

  private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x0A, 0x0D, 0x09].contains(byte) }
}

/// Why a chat cannot be learned.
package struct ChatMistake: Error, Equatable {
  package var what: String
  package var hint: String
  let cause: RowMistake.Cause

  init(_ what: String, hint: String = "", cause: RowMistake.Cause = .other) {
    self.what = what
    self.hint = hint
    self.cause = cause
  }
}
