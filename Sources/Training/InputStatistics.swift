// What is seen of a model while it reads text: what projections read, which decides how GPTQ rounds them, and how much
// layers change.
import Base
import Checkpoints
import Datasets
import Graph
import Kernels
import Models
import Tokenizers

/// Runs a decoder over text while something watches it.
private struct WatchedReading {
  /// Sequences that are read at once.
  private static let rows = 4
  private let replica: Replica
  private let sequences: TokenSequences
  private let samples: Int

  /// - Throws: what is wrong with the folder or the files.
  init(_ files: [String], by folder: String, samples: Int, length: Int, engine: Engine) throws {
    let description = try ModelDescription.stored(in: folder).adapted(by: NoFineTuning())
    guard description.answerStart == nil else {
      throw UserError(.usage, "answers to texts, and only models of one text are measured so", at: folder)
    }
    let dataset = try Dataset(
      DataOptions(
        train: files, packing: true, sequenceLength: min(length, description.longestText), seed: 0,
        names: .options),
      encoder: description.encoder(try Tokenizer(folder: folder)))
    try dataset.check(for: description)
    replica = Replica(description, engine: engine)
    try replica.fill(from: FolderWeights(folder: folder, description, layout: replica.store.layout))
    (sequences, self.samples) = (dataset.train, min(samples, dataset.train.count))
  }

  func run(_ watch: (Graph) -> Void) {
    var batch = Batch()
    for part in MicroBatch.cut(Array(0..<samples), size: Self.rows) {
      sequences.fill(&batch, with: part, mask: .none)
      replica.run(replica.program(batch, watch), on: batch)
    }
  }
}

extension InputTap {
  /// Runs a model over text.
  /// - Parameters:
  ///   - samples: the most sequences: the first ones.
  ///   - length: tokens of a sequence, or as many as the model reads.
  /// - Throws: what is wrong with the folder or the files.
  package static func reading(
    _ files: [String], by folder: String, samples: Int, length: Int, engine: Engine
  ) throws -> InputTap {
    let tap = InputTap()
    try WatchedReading(files, by: folder, samples: samples, length: length, engine: engine).run {
      $0.tap = tap
    }
    return tap
  }
}

extension LayerTap {
  /// The same for its layers.
  package static func reading(
    _ files: [String], by folder: String, samples: Int, length: Int, engine: Engine
  ) throws -> LayerTap {
    let tap = LayerTap()
    try WatchedReading(files, by: folder, samples: samples, length: length, engine: engine)
      .run { $0.layerTap = tap }
    return tap
  }
}

extension Replica {
  /// The program of hidden states that something watches.
  fileprivate func program(_ batch: Batch, _ watch: (Graph) -> Void) -> Program {
    let graph = Graph(
      layout: store.layout, type: store.type, trainedType: weights.type,
      shape: BatchShape(sequences: batch.rows, length: batch.length), purpose: .logits,
      adaptation: description.adaptation)
    watch(graph)
    _ = description.family.forward(graph)
    return Program(graph, threads: engine.pool.threads)
  }
}
