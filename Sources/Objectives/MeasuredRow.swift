// The rows of a data set as a model has seen them.
import Datasets

/// A row of a file; of a text without rows, what one sequence holds of it.
package struct MeasuredRow: Sendable {
  package let source: SampleSource
  /// Its tokens, and the sequences that they stand in.
  package fileprivate(set) var parts: [(sequence: Int, tokens: Range<Int>)]

  /// How many tokens the model has read.
  package var length: Int { parts.reduce(0) { $0 + $1.tokens.count } }
}

extension TokenSequences {
  /// Its rows in order. For data that is learned row by row they are those of `fileRows`.
  package var measuredRows: [MeasuredRow] {
    guard kind == .nextTokens else {
      return fileRows.map { sequences in
        MeasuredRow(
          source: source(of: sequences.lowerBound), parts: sequences.map { ($0, tokenRange(of: $0)) })
      }
    }
    var rows: [MeasuredRow] = []
    var places: [SampleSource: Int] = [:]
    for sequence in 0..<count {
      for span in spans(of: sequence) {
        let source = spanSources[span]
        let part = (sequence, tokenRange(ofSpan: span))
        if source.line > 0, let place = places[source] {
          rows[place].parts.append(part)
        } else {
          places[source] = rows.count
          rows.append(MeasuredRow(source: source, parts: [part]))
        }
      }
    }
    return rows
  }
}
