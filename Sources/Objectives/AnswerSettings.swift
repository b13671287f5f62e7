// How models answer to the rows that they are measured with.
import Base
import Datasets
import Tokenizers

/// Settings of a task whose models are measured by what they write.
package struct AnswerSettings: Sendable {
  /// How many answers a search continues side by side; 1 for the likeliest token each time.
  package var beams: Int
  /// See `BeamSearch`.
  package var lengthPenalty: Double
  /// The most tokens of an answer; 0 to write none.
  package var longest: Int
  /// Of the model; nil before a task is settled.
  package var tokenizer: Tokenizer?

  init(_ settings: Section) {
    beams = settings.integer("beams", default: 1, in: 1...1024)
    lengthPenalty = settings.number("length_penalty", default: 1, in: -100...100)
    longest = settings.integer("max_tokens", default: 128, in: 0...1 << 20)
  }
}

/// What a model wrote for a row.
package struct RowAnswer: Sendable {
  package let row: Example
  package let text: String

  package init(_ row: Example, text: String) { (self.row, self.text) = (row, text) }
}
