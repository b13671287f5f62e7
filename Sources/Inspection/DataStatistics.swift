// How much data there is, how long its rows are, and what an epoch of it holds.
import Base
import Datasets

package struct DataStatistics {
  /// One of the sources that are mixed.
  package struct Source {
    package let name: String
    /// What it has, without what validation has got of it.
    package var sequences = 0
    package var tokens = 0
    package var targets = 0
    /// Tokens of it in an epoch.
    package var epochTokens = 0
  }

  /// Of rows of training and of what is held out of them, in tokens before they are cut.
  package private(set) var lengths = LengthHistogram()
  package let sequenceLength: Int
  package let files: FilesSummary
  package let train: SequencesSummary
  package let validation: SequencesSummary?
  /// What its targets are.
  package let unit: String
  package private(set) var sources: [Source] = []
  /// Steps of an epoch, and samples of a step.
  package let steps: Int
  package let batchSize: Int
  /// Places in the batches of an epoch, with padding; and tokens in them.
  package private(set) var places = 0
  package private(set) var epochTokens = 0
  /// Micro-batches of an epoch, and their rows.
  package private(set) var microBatches = 0
  package private(set) var rows = 0
  /// What a run of so many steps would take; nil where it is not known.
  package var time: (secondsOfStep: Double, steps: Int, words: String)?

  /// Encodes the rows of training once more, since a run keeps no row's length.
  /// - Parameters:
  ///   - stream: the batches of a run.
  ///   - names: what sources are called.
  ///   - unit: in the plural.
  package init(
    _ facts: InspectionFacts, _ dataset: Dataset, stream: BatchStream, names: [String], unit: String,
    progress: (Int) -> Void = { _ in }
  ) {
    sequenceLength = facts.options.sequenceLength
    files = dataset.summary.trainFiles
    train = dataset.summary.train
    validation = dataset.summary.validation
    self.unit = unit
    batchSize = stream.batchSize
    let samples = dataset.schedule(runLength: 1).epoch
    steps = max(1, (samples + batchSize - 1) / batchSize)
    for (number, sequences) in dataset.trainSources.enumerated() {
      var source = Source(name: names[number])
      source.sequences = sequences.count
      source.tokens = sequences.reduce(0) { $0 + dataset.train.length(of: $1) }
      source.targets = dataset.train.targetCount(of: sequences)
      sources.append(source)
    }
    count(stream, dataset)
    let examples = EncodedExamples(facts.options, labels: facts.labels, encoder: facts.encoder)
    var rows = 0
    var lengths = LengthHistogram()
    _ = examples.forEach(of: .training) { row in
      if row.counts.tokens > 0 { lengths.add(row.counts.tokens) }
      rows += 1
      progress(rows)
    }
    self.lengths = lengths
  }

  private mutating func count(_ stream: BatchStream, _ dataset: Dataset) {
    var stream = stream
    let train = dataset.train
    for step in 0..<steps {
      for microBatch in stream.microBatches(step: step) {
        let (rows, length) = train.shape(of: microBatch)
        microBatches += 1
        self.rows += rows
        places += rows * length
        for sequence in microBatch.sequences {
          let tokens = train.length(of: sequence) + train.virtual.rows
          epochTokens += tokens
          if let number = dataset.trainSources.firstIndex(where: { $0.contains(sequence) }) {
            sources[number].epochTokens += tokens
          }
        }
      }
    }
  }

  /// The share of places that hold a token, 0...1.
  package var efficiency: Double { places > 0 ? Double(epochTokens) / Double(places) : 1 }

  /// The mean length of a row of a batch, padding included.
  package var meanRowLength: Int { rows > 0 ? (places + rows - 1) / rows : 1 }
}
