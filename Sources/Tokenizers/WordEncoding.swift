// Texts that are lists of words already, for tasks that label words.
import Base

/// The tokens of a list of words, with the special tokens around them.
package struct WordTokens: Equatable, Sendable {
  package var encoded: TypedTokens
  /// For each token, the number of its word from 0 on; nil for special tokens. A word may have no token.
  package var words: [Int?]

  package init(encoded: TypedTokens, words: [Int?]) {
    self.encoded = encoded
    self.words = words
  }
}

extension Tokenizer {
  /// The tokens of words, each of which is encoded as a text of its own: `is_split_into_words=True` of transformers.
  /// Byte-level models that split as GPT-2 does read each word with a space in front, as with `add_prefix_space=True`.
  ///
  /// - Parameter longest: of the result, in tokens; tokens at the end are cut off. Special tokens stay, even if they
  ///   alone are more.
  /// - Throws: `UserError` if the file has types other than zeros and then ones.
  package func encode(words: [[UInt8]], longest: Int = .max) throws(UserError) -> WordTokens {
    let template = try template(pair: false)
    var tokens = template.before
    var numbers = [Int?](repeating: nil, count: template.before.count)
    for (number, word) in words.enumerated() {
      tokens.append(contentsOf: encodeWord(word))
      while numbers.count < tokens.count { numbers.append(number) }
    }
    let count = tokens.count - template.before.count
    let kept = min(count, max(0, longest - template.specialCount))
    tokens.removeLast(count - kept)
    numbers.removeLast(count - kept)
    tokens.append(contentsOf: template.after)
    numbers.append(contentsOf: [Int?](repeating: nil, count: template.after.count))
    return WordTokens(
      encoded: TypedTokens(tokens: tokens, zeroTypes: template.zeroTokens([kept]), cutTokens: count - kept),
      words: numbers)
  }
}
