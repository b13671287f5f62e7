// Checks one replica against itself: padding must not matter, and the gradient must belong to the loss.
import Base
import Datasets
import Objectives

/// The comparisons on the first micro-batch of a run that has something to compare.
package struct ReplicaCheck {
  package struct Padding {
    package var columns: Int
    /// The number of target tokens of the loss that was compared.
    package var targets: Int
    /// The relative difference of the loss.
    package var difference: Double
    /// NaN does not agree.
    package var agrees: Bool { difference <= 1e-5 }
  }

  /// nil if no micro-batch could be padded.
  package let padding: Padding?
  /// Empty if the gradient is zero.
  package let gradient: [DirectionalDerivative]
  /// What the losses are of.
  package let unit: LossUnit
  /// How many numbers the gradient has.
  package let gradientCount: Int

  private static let mostColumns = 13
  /// Micro-batches among which the one with the steepest loss is looked for.
  private static let mostTried = 4

  /// Whether something was compared, and all of it agrees.
  package var agrees: Bool {
    padding?.agrees == true && !gradient.isEmpty && gradient.allSatisfy { $0.error <= 2e-2 }
  }

  /// - Parameter run: a run with its own fp32 weights on this rank.
  package init(_ run: Run) {
    let replica = run.checkedReplica
    unit = type(of: replica.objective).unit
    gradientCount = replica.layout.trainedCount
    // Differences measure the steepest loss best; near a loss's lowest point they measure nothing.
    gradient =
      run.firstBatches(Self.mostTried) { $0.targetCount > 0 ? $0 : nil }
      .max { replica.steepness($0) < replica.steepness($1) }
      .map { replica.checkGradient($0, directions: 3, seed: 1) } ?? []
    let longest = replica.description.family.maximumLength - replica.description.virtualPositions.keys
    padding = run.firstBatches(1) { Self.paddable($0, longest: longest) }.first.map { batch in
      let columns = min(longest - batch.length, Self.mostColumns)
      let (plain, padded) = (replica.loss(batch), replica.loss(batch.padded(by: columns)))
      return Padding(columns: columns, targets: batch.targetCount, difference: abs(padded / plain - 1))
    }
  }

  /// A batch that leaves room for padding; a batch that fills the model's longest sequence is shortened.
  private static func paddable(_ batch: Batch, longest: Int) -> Batch? {
    let isFull = batch.length >= longest
    let plain = isFull ? batch.shortened(by: min(batch.length / 2, mostColumns)) : batch
    return plain.targetCount > 0 ? plain : nil
  }
}

extension Run {
  /// Of several tasks, that of the first.
  fileprivate var checkedReplica: Replica { (parts as? TrunkTasks)?.replicas[0] ?? replica }

  /// The first micro-batches of an epoch from which `make` makes a batch.
  fileprivate func firstBatches(_ count: Int, _ make: (Batch) -> Batch?) -> [Batch] {
    var batches: [Batch] = []
    let sequences = data.dataset.train
    let replica = checkedReplica
    var stream = data.stream
    for step in 0..<(sequences.count + stream.batchSize - 1) / stream.batchSize {
      for microBatch in stream.microBatches(step: step)
      where sequences.targetCount(of: microBatch.sequences) > 0 {
        var batch = Batch()
        replica.objective.fill(&batch, with: microBatch, of: sequences, mask: recipe.data.packingMask)
        if let made = make(batch) { batches.append(made) }
        if batches.count == count { return batches }
      }
    }
    return batches
  }
}
