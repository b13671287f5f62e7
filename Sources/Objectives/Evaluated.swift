// What a model gave for the sequences of a data set.
import Datasets
import Tokenizers

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
  package var sums: LossSums
  /// What the rows say, for objectives that ask for it.
  private let examples: [SampleSource: Example]
  private let rows: RowTexts?
  /// The sequences of each row.
  package let fileRows: [Range<Int>]
  /// What the model wrote for each row, in their order; empty for an objective that has nothing written.
  package let answers: [RowAnswer]
  package var measuredRows: [MeasuredRow] { sequences.measuredRows }
  /// In the order of the sequences.
  private let outputs: [Double]
  private let form: OutputForm
  /// Where those of each sequence begin, and the end.
  private let starts: [Int]

  /// - Parameters:
  ///   - outputs: those of all sequences, in their order; empty for an objective that has none.
  ///   - examples: by their places; empty for an objective that does not ask for them.
  package init(
    _ sequences: TokenSequences, sums: LossSums, outputs: [Double], form: OutputForm,
    rows: RowTexts? = nil, examples: [SampleSource: Example] = [:], answers: [RowAnswer] = []
  ) {
    self.form = form
    self.answers = answers
    self.rows = rows
    self.examples = examples
    fileRows = sequences.fileRows
    self.sequences = sequences
    self.sums = sums
    self.outputs = outputs
    let sizes = (0..<sequences.count).map { form == .perToken ? sequences.length(of: $0) : 1 }
    let all = sizes.reduce(0, +)
    let width = all == 0 ? 0 : outputs.count / all
    precondition(width * all == outputs.count, "outputs belong to all sequences")
    starts = sizes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1 * width) }
  }

  /// What several models gave for parts of one data set, for one task.
  package static func joined(_ parts: [Evaluated]) throws -> Evaluated {
    guard let first = parts.first else { preconditionFailure("there is something to join") }
    var sums = LossSums(loss: 0, units: 0, counts: first.sums.counts.map { _ in 0 })
    for part in parts {
      sums.loss += part.sums.loss
      sums.units += part.sums.units
      for index in sums.counts.indices { sums.counts[index] += part.sums.counts[index] }
    }
    return Evaluated(
      try .joined(parts.map(\.sequences)), sums: sums, outputs: parts.flatMap(\.outputs), form: first.form,
      rows: first.rows, examples: parts.reduce(into: [:]) { $0.merge($1.examples) { found, _ in found } },
      answers: parts.flatMap(\.answers))
  }

  /// How many rows there are to predict something of.
  package var rowCount: Int { answers.isEmpty ? fileRows.count : answers.count }

  /// What the row of a sequence says; nil if nobody asked for it.
  package func example(_ sequence: Int) -> Example? { example(at: sequences.source(of: sequence)) }
  package func example(at place: SampleSource) -> Example? { examples[place] }

  /// The row that a sequence belongs to, where sequences belong to one row each.
  func row(of sequence: Int) -> Int {
    var rows = fileRows.indices
    while rows.count > 1 {
      let middle = rows.lowerBound + rows.count / 2
      rows =
        fileRows[middle].lowerBound <= sequence
        ? middle..<rows.upperBound : rows.lowerBound..<middle
    }
    return rows.lowerBound
  }

  /// Which of a row's words the model has seen: a word may have no tokens, and the last ones may be cut off.
  func places(of words: [[UInt8]]) -> [Int] {
    let all = rows?.places(of: words) ?? words.indices.map { $0 }
    return all.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
  }

  /// The windows of a question, in the order of its sequences.
  package func windows(of question: Question) -> [TextWindow] { rows?.windows(of: question) ?? [] }

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
