// Rows as prompts that a model answers by itself, with the answers that they have.
import Base

package struct PromptRow: Sendable {
  /// What the model continues.
  package let tokens: [Int32]
  /// The same as text, UTF-8.
  package let prompt: [UInt8]
  /// The answer that the row has.
  package let reference: [UInt8]
  /// All columns of the row.
  package let columns: [JSON.Member]
}

extension RowTexts {
  /// The rows of some sequences of one row each, in their order. A chat is asked up to its last answer.
  /// - Throws: if the files have changed since they were read, or a row is no prompt with an answer.
  package func promptRows(of sequences: TokenSequences) throws -> [PromptRow] {
    let wanted = Set(sequences.spanSources)
    var found: [SampleSource: PromptRow] = [:]
    var firstFile: Int32 = 0
    for source in sources {
      var columns: [JSON.Member] = []
      var chats: Result<ChatEncoder, RowMistake>?
      var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
      reader.watch = { row, _ in columns = row.members ?? [] }
      reader.read { example, place, _, summary throws(RowMistake) in
        summary.rows += 1
        var place = place
        place.file += firstFile
        guard wanted.contains(place) else { return }
        switch example {
        case .answer(let prompt, let answer):
          found[place] = PromptRow(
            tokens: encoder.prompt(prompt), prompt: prompt, reference: answer, columns: columns)
        case .chat(let conversation):
          let made =
            chats ?? encoder.chats(options.chats, template: source.template ?? options.chats.template)
          chats = made
          found[place] = try row(conversation, try made.get(), columns)
        default:
          throw RowMistake(
            "is no prompt with an answer",
            hint: "a row is {\"prompt\": …, \"completion\": …}, or has messages")
        }
      }
      guard reader.mistakes.isEmpty else { throw UserErrors(reader.mistakes) }
      firstFile += Int32(clamping: source.files.count)
    }
    return try (0..<sequences.count).map { sequence in
      let place = sequences.source(of: sequence)
      guard let row = found[place] else {
        throw UserError(
          .data, place.line == 0 ? "is a text, and no row with a prompt" : "has changed since it was read",
          at: sequences.name(of: place))
      }
      return row
    }
  }

  private func row(
    _ conversation: Conversation, _ chats: ChatEncoder, _ columns: [JSON.Member]
  ) throws(RowMistake) -> PromptRow {
    guard let last = conversation.messages.lastIndex(where: { $0.role == ChatLoss.assistant }), last > 0
    else {
      throw RowMistake("has no answer of the assistant behind a question")
    }
    var asked = conversation
    asked.messages.removeSubrange(last...)
    do throws(ChatMistake) {
      let prompt = try chats.prompt(asked)
      return PromptRow(
        tokens: encoder.encoding.encode(prompt, addSpecialTokens: false), prompt: prompt,
        reference: conversation.messages[last].json["content"]?.bytes ?? [], columns: columns)
    } catch { throw RowMistake(error.what, hint: error.hint) }
  }
}
