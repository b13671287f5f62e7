// What the tokens of a row are: a prompt, an answer, or the message of a role.
import Base
import Tokenizers

extension RowTexts {
  /// The roles of a row's tokens, in order and apart from each other, before it is cut. Tokens of none are left out, and
  /// so are those of rows that have one text only.
  /// - Parameter place: where the row stands, in files as its sequences have them.
  package func roles(of example: Example, at place: SampleSource) -> [(role: String, tokens: Range<Int>)] {
    switch example {
    case .answer(let prompt, let answer) where encoder.answerStart == nil:
      let encoded = encoder.answer(answer, to: prompt)
      let first = min(encoded.promptCount, encoded.tokens.count)
      return [("prompt", 0..<first), ("answer", first..<encoded.tokens.count)]
    case .chat(let conversation):
      let chats = encoder.chats(options.chats, template: template(of: place))
      return (try? chats.get().turns(of: conversation)) ?? []
    case .labelled(let text, let pair?, _), .numbered(let text, let pair?, _):
      let encoded = try? encoder.encoding.encode(text, pair: pair, longest: .max)
      guard let encoded, encoded.zeroTypes < encoded.tokens.count else { return [] }
      return [("text", 0..<encoded.zeroTypes), ("text_pair", encoded.zeroTypes..<encoded.tokens.count)]
    default: return []
    }
  }

  private func template(of place: SampleSource) -> String? {
    var firstFile = 0
    for source in sources {
      firstFile += source.files.count
      if Int(place.file) < firstFile { return source.template ?? options.chats.template }
    }
    return options.chats.template
  }
}
