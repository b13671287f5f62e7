// Where an answer ends, told by what a template writes behind one.
import Base

extension ChatEncoder {
  /// What the template writes behind an answer, without white space around it; empty if that is nothing, or cannot be
  /// told.
  package func turnEnd() -> [UInt8] {
    let question = Conversation.Message(role: "user", text: Array("Question".utf8))
    let answer = Array("Answer".utf8)
    let whole = Conversation(messages: [question, .init(role: ChatLoss.assistant, text: answer)])
    guard let text = try? self.text(whole) else { return [] }
    guard let place = text.indices.last(where: { text[$0...].starts(with: answer) }) else { return [] }
    let isSpace: (UInt8) -> Bool = { [0x20, 0x0A, 0x0D, 0x09].contains($0) }
    return Array(text[(place + answer.count)...].drop(while: isSpace).prefix { !isSpace($0) })
  }
}

extension DocumentEncoder {
  /// The same for the templates of all sources, without those that write nothing there.
  package func turnEnds(_ options: DataOptions) -> [[UInt8]] {
    let templates = Set(options.sources.map { $0.template ?? options.chats.template })
    let ends = templates.compactMap { try? chats(options.chats, template: $0).get().turnEnd() }
    return Set(ends).filter { !$0.isEmpty }.sorted { $0.lexicographicallyPrecedes($1) }
  }
}
