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
  /// The vectors of texts, each of length 1; each depends on its text alone. A text that is too long loses its end.
  /// - Returns: the vectors, [n, width], and how many texts lost their ends.
  /// - Throws: if numbers are not finite.
  func vectors(of texts: [[UInt8]]) throws -> (vectors: [Float], cutTexts: Int)
}

/// A question and a passage that may answer it, UTF-8.
package struct QuestionPair: Sendable {
  package let question: [UInt8]
  package let passage: [UInt8]

  package init(question: [UInt8], passage: [UInt8]) { (self.question, self.passage) = (question, passage) }
}

/// What tells how well a passage answers a question, reading both at once.
package protocol PassageScorer {
  /// Higher is better; each score depends on its pair alone.
  func scores(of pairs: [QuestionPair]) throws -> [Double]
}
