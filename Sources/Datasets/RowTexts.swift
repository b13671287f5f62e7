// The rows that sequences were made of, read again: measuring needs their texts, and training does not keep them.
import Base
import Tokenizers

package struct RowTexts: Sendable {
  private let options: DataOptions
  private let sources: [DataSource]
  package let encoder: DocumentEncoder

  /// - Parameter sources: with the files of the sequences, in their order.
  init(_ options: DataOptions, sources: [DataSource], encoder: DocumentEncoder) {
    self.options = options
    self.sources = sources
    self.encoder = encoder
  }

  /// What the rows of some sequences say. A text without rows is none.
  /// - Throws: if the files have changed since they were read.
  package func examples(of sequences: TokenSequences) throws -> [SampleSource: Example] {
    let wanted = Set(sequences.spanSources.filter { $0.line > 0 })
    var found: [SampleSource: Example] = [:]
    var firstFile: Int32 = 0
    for source in sources {
      var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
      reader.read { example, place, _, summary in
        summary.rows += 1
        var place = place
        place.file += firstFile
        if wanted.contains(place) { found[place] = example }
      }
      guard reader.mistakes.isEmpty else { throw UserErrors(reader.mistakes) }
      firstFile += Int32(clamping: source.files.count)
    }
    guard found.count == wanted.count else {
      throw UserError(
        .data, "has lost rows since it was read", at: sources.flatMap(\.files).joined(separator: ", "))
    }
    return found
  }

  /// The tokens of the text that a row's answer continues or answers to.
  package func prompt(of example: Example) throws(UserError) -> [Int32] {
    guard case .answer(let prompt, _) = example else { preconditionFailure("the row has no answer") }
    if encoder.answerStart == nil { return encoder.prompt(prompt) }
    return try encoder.answered(prompt, longest: options.tokensOfSequence).tokens
  }

  /// Which of some words each token of theirs belongs to.
  package func places(of words: [[UInt8]]) -> [Int] {
    let encoded = try? encoder.encoding.encode(words: words, longest: options.tokensOfSequence)
    return encoded?.words.compactMap { $0 } ?? []
  }

  /// The windows that a question was cut into.
  package func windows(of question: Question) -> [TextWindow] {
    (try? encoder.encoding.windows(
      question: question.question, text: question.context, longest: options.tokensOfSequence,
      stride: options.stride,
      at: "")) ?? []
  }
}

extension Dataset {
  /// The rows of `train`, and those of `validation`.
  package var trainRows: RowTexts { RowTexts(options, sources: options.sources, encoder: encoder) }
  package var validationRows: RowTexts {
    guard let source = options.validationFiles else { return trainRows }
    return RowTexts(options, sources: [source], encoder: encoder)
  }
}
