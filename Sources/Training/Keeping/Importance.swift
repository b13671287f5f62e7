// How much each weight matters for what a model knows: the diagonal of the Fisher information, as elastic weight
// consolidation uses it: the mean over sequences of the squared gradient of their summed log-likelihood.
import Base
import Checkpoints
import Collectives
import Datasets
import Graph
import Kernels
import Objectives
import Recipes
import Sharding
import Tensors

extension WeightAnchor {
  /// What holds the weights of a run; nil where nothing does. The replica has the weights that the run begins with.
  /// Collective.
  static func make(
    _ recipe: Recipe, _ replica: Replica, step: TrainStep, from reader: any WeightReader, ledger: MemoryLedger
  ) throws -> WeightAnchor? {
    guard recipe.keep.holdsWeights else { return nil }
    let elastic = recipe.keep.elastic
    let anchor = try step.ranks.together {
      try WeightAnchor(
        map: step.optimizer.map, elasticity: elastic?.strength ?? 0, distance: recipe.keep.distance,
        from: reader, engine: replica.engine, ledger: ledger)
    }
    guard let elastic, elastic.strength > 0 else { return anchor }
    let sequences = try step.ranks.together {
      try recipe.keptTexts(
        elastic.files, format: recipe.data.format, columns: recipe.data.columns, setting: "keep.ewc.files",
        model: replica.description)
    }
    let samples = min(elastic.samples, sequences.samples)
    step.sumSquaredGradients(of: sequences, samples: samples)
    anchor.takeImportance(step.gradients, samples: samples)
    return anchor
  }
}

extension TrainStep {
  /// Leaves in `gradients` the sum over the first samples of the squared gradient of each, added in their order.
  /// Collective.
  func sumSquaredGradients(of sequences: TokenSequences, samples: Int) {
    let microBatches = MicroBatch.cut(
      Array(0..<samples * sequences.rowsPerSample), size: sequences.rowsPerSample)
    let layout = replica.layout
    var batch = Batch()
    gradients.sum(microBatches: microBatches.count) { number in
      ranks.board?.tell(.forward, layer: nil)
      replica.objective.fill(&batch, with: microBatches[number], of: sequences, mask: mask)
      _ = replica.train(
        batch, dividedBy: 1, seed: seed, step: 0, dropout: false, gradients: gradients.gradients,
        beforeEach: { prepare(for: $0) },
        afterEach: { _ in gradients.advance() }
      ) { segment, values in
        square(values, count: layout.segments[segment].range.count)
        gradients.add(segment: segment, values)
      }
    }
  }

  private func square(_ values: UnsafeMutablePointer<Float>, count: Int) {
    replica.engine.pool.run((count + 65_535) / 65_536) { tile, _ in
      for index in tile * 65_536..<min((tile + 1) * 65_536, count) { values[index] *= values[index] }
    }
  }
}
