// What makes vectors of texts, so that those that belong together lie close.
import Base
import Tokenizers

package protocol PassageEncoder {
  /// Numbers of a vector.
  var width: Int { get }
  /// Tells this encoder from all others whose vectors are not comparable: 16 hexadecimal digits.
  var fingerprint: String { get }
  /// The most tokens of a text, without the special ones around it.
  var longestText: Int { get }
  /// The tokens of a text, without special ones, and what they stand for.
  func placed(_ text: [UInt8]) -> PlacedTokens
  /// The vector of a text, of length 1; it depends on that text alone. A text that is too long loses its end.
  /// - Returns: the vector, [width], and how many tokens were cut off.
  /// - Throws: if the numbers are not finite.
  func vector(of text: [UInt8]) throws -> (vector: [Float], cutTokens: Int)
}

/// What tells how well a passage answers a question, reading both at once.
package protocol PassageScorer {
  /// Higher is better; it depends on these two texts alone.
  func score(_ passage: [UInt8], for question: [UInt8]) throws -> Double
}
