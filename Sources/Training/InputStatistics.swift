// What the projections of a model read of some text: what rounding by GPTQ is decided by.
import Base
import Checkpoints
import Datasets
import Graph
import Kernels
import Models
import Tokenizers

extension InputTap {
  /// Sequences that are read at once.
  private static let rows = 4

  /// Runs a model over text.
  /// - Parameters:
  ///   - samples: the most sequences: the first ones.
  ///   - length: tokens of a sequence, or as many as the model reads.
  /// - Throws: what is wrong with the folder or the files.
  package static func reading(
    _ files: [String], by folder: String, samples: Int, length: Int, engine: Engine
  ) throws -> InputTap {
    let description = try ModelDescription.stored(in: folder).adapted(by: NoFineTuning())
    guard description.answerStart == nil else {
      throw UserError(.usage, "answers to texts, and only decoders are calibrated", at: folder)
    }
    let dataset = try Dataset(
      DataOptions(
        train: files, packing: true, sequenceLength: min(length, description.longestText), seed: 0,
        names: .options),
      encoder: description.encoder(try Tokenizer(folder: folder)))
    try dataset.check(for: description)
    let replica = Replica(description, engine: engine)
    try replica.fill(from: FolderWeights(folder: folder, description, layout: replica.store.layout))
    let tap = InputTap()
    var batch = Batch()
    for part in MicroBatch.cut(Array(0..<min(samples, dataset.train.count)), size: rows) {
      dataset.train.fill(&batch, with: part, mask: .none)
      replica.run(replica.program(watchedBy: tap, batch), on: batch)
    }
    return tap
  }
}

extension Replica {
  /// The program of hidden states whose projections something sees.
  fileprivate func program(watchedBy tap: InputTap, _ batch: Batch) -> Program {
    let graph = Graph(
      layout: store.layout, type: store.type, trainedType: weights.type,
      shape: BatchShape(sequences: batch.rows, length: batch.length), purpose: .logits,
      adaptation: description.adaptation)
    graph.tap = tap
    _ = description.family.forward(graph)
    return Program(graph, threads: engine.pool.threads)
  }
}
