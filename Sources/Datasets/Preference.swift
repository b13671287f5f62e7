// What a row says of answers to one prompt: which of them are better, or whether one is wanted.

/// Answers to one prompt.
package struct Preference: Equatable, Sendable {
  /// An answer with what it answers to.
  package enum Answer: Equatable, Sendable {
    /// UTF-8.
    case text(prompt: [UInt8], answer: [UInt8])
    /// A chat, of whose messages only those of the answer count.
    case chat(Conversation)
  }

  /// Two answers of which one is better, by their places.
  package struct Pair: Equatable, Sendable {
    package let better: Int
    package let worse: Int
    /// By how much, as the row tells it; 0 where it does not.
    package let margin: Float

    package init(_ better: Int, over worse: Int, margin: Float = 0) {
      (self.better, self.worse, self.margin) = (better, worse, margin)
    }
  }

  package let answers: [Answer]
  package let pairs: [Pair]
  /// Whether a single answer is wanted; nil where answers are compared, or to be judged.
  package let isWanted: Bool?

  package init(answers: [Answer], pairs: [Pair] = [], isWanted: Bool? = nil) {
    (self.answers, self.pairs, self.isWanted) = (answers, pairs, isWanted)
  }
}

/// How the answers of rows become sequences.
package enum AnswerForm: Equatable, Sendable {
  /// Two neighbours for each pair, the better one first; the tokens of both answers are learned.
  case pairs
  /// One for each answer, with a label whether it is wanted.
  case labelled
  /// Two neighbours for each pair, whose texts are read as a whole; where nothing is to be learned, one for each answer.
  case wholes
}

/// What the loss of an answer is told beside its tokens: the numbers of its sequence.
package struct AnswerNumbers: Equatable, Sendable {
  package static let count = 4
  /// The places of those that are known only once a run has begun.
  package static let reference = 2
  package static let ofStep = 3

  /// Whether it is wanted, or the better of two.
  package var isWanted: Bool
  /// How many of its targets stand in its prompt.
  package var promptTargets: Int

  package init(isWanted: Bool, promptTargets: Int = 0) {
    (self.isWanted, self.promptTargets) = (isWanted, promptTargets)
  }

  /// - Parameter numbers: of one sequence.
  package init(_ numbers: UnsafePointer<Float>) {
    self.init(isWanted: numbers[0] > 0.5, promptTargets: Int(exactly: numbers[1]) ?? 0)
  }

  /// With places for what a reference gives it and what the whole step tells.
  package var numbers: [Float] { [isWanted ? 1 : 0, Float(promptTargets), 0, 0] }
}

extension Batch {
  /// Gives each row of answers a number.
  package mutating func setAnswers(_ place: Int, to value: (_ row: Int) -> Float) {
    precondition(numbers.count == rows * AnswerNumbers.count, "the rows are no answers")
    for row in 0..<rows { numbers[row * AnswerNumbers.count + place] = value(row) }
  }
}
