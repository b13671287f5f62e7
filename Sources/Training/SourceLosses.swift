// What a step or a measurement cost each source, where a run mixes several.
import Base
import Datasets
import Objectives

/// The loss on the samples of one source.
package struct SourceReport: Sendable {
  package var name: String
  /// In nats; nil without a target, or where losses of tokens are not known.
  package var loss: Double?
  /// Tokens without padding, and what the denominator counts.
  package var tokens: Int
  package var units: Int
}

/// The sources of a run, and how losses of tokens are shared out among them.
package struct SourceLosses: Sendable {
  package let names: [String]
  /// By file of the sequences.
  private let sourceOfFile: [Int]

  /// Nil for a single source.
  package init?(_ sources: [DataSource]) {
    guard sources.count > 1 else { return nil }
    names = Self.names(of: sources)
    sourceOfFile = sources.enumerated().flatMap { index, source in source.files.map { _ in index } }
  }

  /// Names that differ: metrics.jsonl has numbers under them. A source without a name has that of its first file, with
  /// its folders where others have the same, and its place in the list where that is not enough.
  package static func names(of sources: [DataSource]) -> [String] {
    let short = sources.map {
      $0.name ?? $0.files.first.map { String($0.split(separator: "/").last ?? "") } ?? ""
    }
    let long = zip(sources, short).map { source, name in
      source.name == nil && short.count { $0 == name } > 1 ? source.files.first ?? name : name
    }
    return long.enumerated().map { place, name in
      long.count { $0 == name } > 1 && sources[place].name == nil ? "\(name) (\(place + 1))" : name
    }
  }

  private func source(of sequence: Int, in sequences: TokenSequences) -> Int {
    sourceOfFile[Int(sequences.source(of: sequence).file)]
  }

  /// Adds the losses of a micro-batch to the sum of each source.
  /// - Parameters:
  ///   - losses: of every token of the batch, [B · T]; NaN where there is no target.
  ///   - sums: one for each source.
  func add(
    _ losses: UnsafeBufferPointer<Double>, of batch: Batch, in sequences: TokenSequences,
    to sums: inout [Double]
  ) {
    let length = losses.count / max(1, batch.rows)
    for row in 0..<batch.rows {
      let source = source(of: batch.sequences[row], in: sequences)
      for place in row * length..<(row + 1) * length where !losses[place].isNaN {
        sums[source] += losses[place]
      }
    }
  }

  /// The report of some sequences.
  /// - Parameter losses: the sum for each source; nil where it is not known.
  func reports(
    _ losses: ArraySlice<Double>?, of chosen: some Sequence<Int>, in sequences: TokenSequences
  ) -> [SourceReport] {
    var reports = names.map { SourceReport(name: $0, loss: nil, tokens: 0, units: 0) }
    for sequence in chosen {
      let source = source(of: sequence, in: sequences)
      reports[source].tokens += sequences.length(of: sequence)
      reports[source].units += Int(sequences.targetCounts[sequence])
    }
    if let losses {
      for (source, loss) in losses.enumerated() where reports[source].units > 0 {
        reports[source].loss = loss / Double(reports[source].units)
      }
    }
    return reports
  }

  /// The report of what was measured, where the losses of its tokens are known.
  func reports(of evaluated: Evaluated) -> [SourceReport] {
    var sums = names.map { _ in 0.0 }
    for sequence in 0..<evaluated.sequences.count {
      let source = source(of: sequence, in: evaluated.sequences)
      for loss in evaluated[sequence] where !loss.isNaN { sums[source] += loss }
    }
    return reports(sums[...], of: 0..<evaluated.sequences.count, in: evaluated.sequences)
  }
}
