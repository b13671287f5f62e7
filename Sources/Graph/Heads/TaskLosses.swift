// The losses of tasks on what their heads give.
import Kernels
import Tensors

/// Where the label of a row of logits stands.
package enum LabelPlace: Sendable {
  /// A number of every sample.
  case numbers
  /// The targets of tokens.
  case targets
}

extension Graph {
  /// The sum of the cross-entropies of labels that exclude each other. It leaves `LabelCounts` beside the loss, and
  /// probabilities where a model is measured.
  /// - Parameter z: [B, labels], or [B · T, labels] for labels of tokens.
  package func labelLoss(_ z: Value, at place: LabelPlace = .numbers, form: LabelLossForm = LabelLossForm()) {
    rowLoss(z, counts: 3 * z.columns) { frame in
      frame.withCounts { counts in
        func loss(_ label: (Int) -> Int) -> Double {
          frame.engine.labelLoss(
            frame.z, rows: frame.rows, labels: frame.columns, label: label, form: form,
            scale: frame.input.scale,
            dz: frame.dz, counts: counts, probabilities: frame.outputs)
        }
        switch place {
        case .numbers: return loss { Int(frame.numbers[$0]) }
        case .targets: return loss { Int(frame.input.targets[$0]) }
        }
      }
    }
  }

  /// The same where every label holds or does not: the samples have a number for each, 0 or 1.
  /// - Parameter z: [B, labels].
  package func severalLabelsLoss(_ z: Value, form: LabelLossForm = LabelLossForm()) {
    rowLoss(z, counts: 3 * z.columns) { frame in
      frame.withCounts {
        frame.engine.severalLabelsLoss(
          frame.z, rows: frame.rows, labels: frame.columns, targets: frame.numbers, form: form,
          scale: frame.input.scale, dz: frame.dz, counts: $0, probabilities: frame.outputs)
      }
    }
  }

  /// The squared error of the samples' numbers; where a model is measured, it leaves what the model gave.
  /// - Parameter z: [B, numbers].
  package func squaredError(_ z: Value) {
    rowLoss(z) { frame in
      frame.predictAsGiven()
      return frame.engine.squaredError(
        frame.z, rows: frame.rows, numbers: frame.columns, targets: frame.numbers, scale: frame.input.scale,
        dz: frame.dz)
    }
  }

  /// The cross-entropy of which of several rows is right: each row has the number of the right one, negative for a row
  /// that only fills the sample up. It leaves probabilities where a model is measured.
  /// - Parameter z: [B, 1].
  package func choiceLoss(_ z: Value) {
    let choices = shape.rowsPerSample
    rowLoss(z, counts: 0) { frame in
      let numbers = frame.numbers
      for row in 0..<frame.rows where numbers[row] < 0 { frame.z[row] = -.infinity }
      return frame.engine.labelLoss(
        frame.z, rows: frame.rows / choices, labels: choices, label: { Int(numbers[$0 * choices]) },
        scale: frame.input.scale, dz: frame.dz, counts: nil, probabilities: frame.outputs)
    }
  }

  /// The loss of pairs of rewards, of which the first is to be larger by the margin that is its number; where a model is
  /// measured, it leaves the rewards. It leaves `PairCounts` beside the loss. Samples of one row have none.
  /// - Parameters:
  ///   - z: [B, 1].
  ///   - centering: how much rewards are drawn to zero.
  package func pairLoss(_ z: Value, centering: Double) {
    let isPaired = shape.rowsPerSample == 2
    rowLoss(z, counts: PairCounts.count) { frame in
      frame.predictAsGiven()
      return frame.loss.counts.withUnsafeMutableBufferPointer { counts in
        frame.engine.pairLoss(
          frame.z, pairs: isPaired ? frame.rows / 2 : 0, margins: frame.numbers, centering: centering,
          scale: frame.input.scale, dz: frame.dz, counts: PairCounts(counts.baseAddress!))
      }
    }
  }

  /// The cross-entropies of where answers begin and end; where a model is measured, it leaves the logits.
  /// - Parameter z: [B · T, 2].
  package func spanLoss(_ z: Value) {
    let shape = shape
    rowLoss(z) { frame in
      frame.predictAsGiven()
      guard let lengths = frame.input.lengths else { preconditionFailure("the batch has no lengths") }
      return frame.engine.spanLoss(
        frame.z, rows: shape.sequences, length: shape.length, lengths: lengths, targets: frame.numbers,
        scale: frame.input.scale, dz: frame.dz)
    }
  }
}
