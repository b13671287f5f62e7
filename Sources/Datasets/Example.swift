// What a row says, before it is tokenised. Texts are UTF-8.

package enum Example: Equatable, Sendable {
  case document([UInt8])
  case answer(prompt: [UInt8], answer: [UInt8])
  /// A text, or two, and the names of its labels; nil where they are to be predicted.
  case labelled([UInt8], pair: [UInt8]?, labels: [String]?)
  /// A text, or two, and its numbers; nil where they are to be predicted.
  case numbered([UInt8], pair: [UInt8]?, numbers: [Float]?)
  /// What several endings compete for, and which one is right, from 0; nil where that is to be predicted.
  case choices([UInt8], endings: [[UInt8]], right: Int?)
  /// The words of a sentence, and a label for each; nil where they are to be predicted.
  case words([[UInt8]], labels: [String]?)
  case question(Question)
  /// Texts that belong together, the first to be found by: the second belongs to it, a third does not. Or two, and how
  /// alike they are.
  case texts([[UInt8]], score: Float?)
  case chat(Conversation)
  case preference(Preference)

  var isEmpty: Bool {
    switch self {
    case .document(let text), .labelled(let text, _, _), .numbered(let text, _, _): text.isEmpty
    case .answer(let prompt, let answer): prompt.isEmpty && answer.isEmpty
    case .choices(_, let endings, _): endings.isEmpty
    case .words(let words, _): words.isEmpty
    case .question(let question): question.context.isEmpty
    case .texts(let texts, _): texts.isEmpty
    case .chat(let conversation): conversation.messages.isEmpty
    case .preference(let preference): preference.answers.isEmpty
    }
  }

  /// The names of the labels that it has.
  package var labelNames: [String] {
    switch self {
    case .labelled(_, _, let labels), .words(_, let labels): labels ?? []
    default: []
    }
  }
}

/// A question, and a text whose parts may answer it.
package struct Question: Equatable, Sendable {
  package struct Answer: Equatable, Sendable {
    package let text: [UInt8]
    /// Where it stands in the context.
    package let bytes: Range<Int>
  }

  package let question: [UInt8]
  package let context: [UInt8]
  /// Those that are right, none for a question without an answer; nil where they are to be found.
  package let answers: [Answer]?
}
