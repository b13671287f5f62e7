// The tokens of a sentence whose words are given, and which word each belongs to.

package struct WordTokens: Equatable, Sendable {
  package var tokens: [Int32] = []
  /// The place of each token's word among the words, from 0; -1 for special tokens.
  package var words: [Int32] = []
  /// How many tokens were cut off.
  package var cutTokens = 0

  package init() {}
}
