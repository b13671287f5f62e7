// Decodes a stream of ids, as generation produces them.

/// Gives text as soon as it is whole UTF-8 and no later id can change it. All of it together is the same as `decode`
/// of all ids at once.
package struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipSpecialTokens: Bool
  private var steps: [any DecoderStep]

  package init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool) {
    self.tokenizer = tokenizer
    self.skipSpecialTokens = skipSpecialTokens
    steps = tokenizer.decoder
  }

  /// The text that has become certain; often empty. Ids outside the vocabulary are ignored.
  package mutating func append(_ id: Int32) -> String {
    var pieces = Pieces()
    tokenizer.append(id, skipSpecialTokens: skipSpecialTokens, to: &pieces)
    return pass(pieces, isLast: false)
  }

  /// The text that was held back. Afterwards the decoder is as new.
  package mutating func finish() -> String {
    defer { steps = tokenizer.decoder }
    return pass(Pieces(), isLast: true)
  }

  /// All ids at once.
  mutating func decode(_ ids: some Sequence<Int32>) -> String {
    var pieces = Pieces()
    for id in ids { tokenizer.append(id, skipSpecialTokens: skipSpecialTokens, to: &pieces) }
    return pass(pieces, isLast: true)
  }

  private mutating func pass(_ pieces: Pieces, isLast: Bool) -> String {
    var pieces = pieces
    for index in steps.indices {
      var out = Pieces()
      steps[index].decode(pieces, isLast: isLast, into: &out)
      pieces = out
    }
    return String(decoding: pieces.bytes, as: UTF8.self)
  }
}
