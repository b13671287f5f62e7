// What a model gave for the sequences of a data set.
import Datasets

/// How many numbers a model leaves of a measured sequence.
package enum OutputForm: Equatable, Sendable {
  case none
  /// As many for each sequence.
  case perSequence
  /// As many for each token.
  case perToken
}

package struct Evaluated: Sendable {
  package let sequences: TokenSequences
  package let sums: LossSums
  /// In the order of the sequences.
  private let outputs: [Double]
  /// Where those of each sequence begin, and the end.
  private let starts: [Int]

  /// - Parameter outputs: those of all sequences, in their order; empty for an objective that has none.
  package init(
    _ sequences: TokenSequences, sums: LossSums, outputs: [Double], form: OutputForm
  ) {
    self.sequences = sequences
    self.sums = sums
    self.outputs = outputs
    let sizes = (0..<sequences.count).map { form == .perToken ? sequences.length(of: $0) : 1 }
    let all = sizes.reduce(0, +)
    let width = all == 0 ? 0 : outputs.count / all
    precondition(width * all == outputs.count, "outputs belong to all sequences")
    starts = sizes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1 * width) }
  }

  /// The outputs of a sequence.
  package subscript(_ sequence: Int) -> ArraySlice<Double> {
    outputs[starts[sequence]..<starts[sequence + 1]]
  }

  /// The place of the largest of some numbers, the first of equal ones.
  package static func largest(_ values: ArraySlice<Double>) -> Int {
    let best = values.indices.max { values[$0] < values[$1] } ?? values.startIndex
    return best - values.startIndex
  }
}
