// A sequence as a model reads it, for people: its text token by token, with what each token is.
import Base
import Datasets
import Tokenizers

package struct ShownSequence {
  package struct Token: Equatable {
    package let id: Int32
    /// What it adds to the text; empty where that is part of a character.
    package let text: String
    /// Whether it is predicted, or has a label.
    package let isTarget: Bool
    /// Which part of the sequence it belongs to, from 0.
    package let document: Int
    /// A prompt, an answer, the role of a message; empty where there is none.
    package let role: String
    /// The label of a word; empty elsewhere.
    package let label: String
  }

  package let tokens: [Token]
  /// Where each of its documents comes from, `file:line`.
  package let places: [String]
  /// Tokens behind the others that are none.
  package let padding: Int
  /// What is to be learned of the whole sequence; empty where it is the tokens.
  package let label: String
  /// The text that it answers to; empty where there is none.
  package let answered: String

  /// The first sequences of training.
  /// - Throws: if the files cannot be read again.
  package static func first(
    _ count: Int, of dataset: Dataset, _ tokenizer: Tokenizer
  ) throws -> [ShownSequence] {
    let sequences = try dataset.train.prefix(count)
    let rows = dataset.trainRows
    let examples = try rows.examples(of: sequences)
    return (0..<sequences.count).map { number in
      ShownSequence(number, of: sequences, labels: dataset.labels, tokenizer) { place in
        examples[place].map { rows.roles(of: $0, at: place) } ?? []
      }
    }
  }

  private init(
    _ number: Int, of sequences: TokenSequences, labels: [String]?, _ tokenizer: Tokenizer,
    roles: (SampleSource) -> [(role: String, tokens: Range<Int>)]
  ) {
    var tokens: [Token] = []
    var decoder = StreamingDecoder(tokenizer, skipSpecialTokens: false)
    let range = sequences.tokenRange(of: number)
    for (document, span) in sequences.spans(of: number).enumerated() {
      let own = sequences.tokenRange(ofSpan: span)
      let roles = roles(sequences.spanSources[span])
      var next = 0
      for place in own {
        while next < roles.count, roles[next].tokens.upperBound <= place - own.lowerBound { next += 1 }
        let isOfRole = next < roles.count && roles[next].tokens.contains(place - own.lowerBound)
        let label = Self.label(of: place, in: sequences, labels)
        tokens.append(
          Token(
            id: sequences.tokens[place], text: decoder.append(sequences.tokens[place]),
            isTarget: label != nil
              || sequences.kind.isOfNextTokens && sequences.lossMask[place]
                && (place > range.lowerBound || sequences.virtual.rows > 0),
            document: document,
            role: isOfRole ? roles[next].role : "", label: label ?? ""))
      }
    }
    let rest = decoder.finish()
    if !rest.isEmpty, let last = tokens.popLast() {
      tokens.append(
        Token(
          id: last.id, text: last.text + rest, isTarget: last.isTarget, document: last.document,
          role: last.role,
          label: last.label))
    }
    self.tokens = tokens
    places = sequences.sources(of: number)
    padding = max(0, (sequences.blockLength ?? tokens.count) - tokens.count)
    label = Self.label(ofSequence: number, in: sequences, labels)
    answered =
      sequences.answered(by: number).map { tokenizer.decode($0, skipSpecialTokens: false) } ?? ""
  }

  private static func label(of token: Int, in sequences: TokenSequences, _ labels: [String]?) -> String? {
    guard sequences.kind == .tokenLabels, sequences.tokenLabels[token] != Batch.noTarget else { return nil }
    let index = Int(sequences.tokenLabels[token])
    return labels.flatMap { $0.indices.contains(index) ? $0[index] : nil } ?? "\(index)"
  }

  private static func label(
    ofSequence number: Int, in sequences: TokenSequences, _ labels: [String]?
  ) -> String {
    if sequences.kind == .answers { return sequences.answer(of: number).isWanted ? "wanted" : "unwanted" }
    guard sequences.kind == .wholes else { return "" }
    let numbers = sequences.numbers(of: number)
    guard let labels, let first = numbers.first else {
      return numbers.map { number in
        // Places of choices and of answers are whole.
        Int(exactly: number).map { "\($0)" } ?? "\(number)"
      }.joined(separator: ", ")
    }
    if numbers.count == 1 { return labels.indices.contains(Int(first)) ? labels[Int(first)] : "" }
    return zip(labels, numbers).filter { $0.1 == 1 }.map(\.0).joined(separator: ", ")
  }

  package var json: JSON {
    let tokens = tokens.map { token in
      JSON.object(
        members: [
          ("id", .integer(Int(token.id))), ("text", .string(token.text)), ("target", .bool(token.isTarget)),
          ("document", .integer(token.document)),
        ] + (token.role.isEmpty ? [] : [("role", .string(token.role))])
          + (token.label.isEmpty ? [] : [("label", .string(token.label))]))
    }
    return .object(
      members: [("places", .array(places.map { .string($0) })), ("padding", .integer(padding))]
        + (label.isEmpty ? [] : [("label", .string(label))])
        + (answered.isEmpty ? [] : [("source", .string(answered))]) + [("tokens", .array(tokens))])
  }
}
