// The last operation of a classifier: the loss of every row's label, or its logits.
import Kernels
import Tensors

extension Graph {
  /// The sum of the cross-entropies of the rows' labels, which are the first numbers of the samples. It leaves the counts
  /// of `LabelCounts` beside the loss.
  /// - Parameter z: [B, labels].
  package func labelLoss(_ z: Value) {
    if loss.counts.isEmpty { loss.counts = [Double](repeating: 0, count: 3 * z.columns) }
    _ = append(LabelLoss(rows: z.rows, labels: z.columns, loss: loss), inputs: [z], columns: 1, rows: 1)
  }
}

struct LabelLoss: Operation {
  let rows: Int
  let labels: Int
  let loss: LossCell
  var keeps: Keeps { Keeps(inputs: [0]) }

  func forward(_ frame: Frame) { run(frame, dz: nil) }

  /// Computes loss and gradient in one pass.
  func backward(_ frame: Frame) {
    let dz = frame.inputGradient(0)
    precondition(dz?.adding != true, "the loss is the last operation")
    run(frame, dz: dz?.base)
  }

  private func run(_ frame: Frame, dz: UnsafeMutablePointer<Float>?) {
    guard let rowLabels = frame.input.numbers else { preconditionFailure("the batch has no labels") }
    loss.sum = loss.counts.withUnsafeMutableBufferPointer { counts in
      frame.engine.labelLoss(
        frame.input(0), rows: rows, labels: labels, rowLabels: rowLabels, scale: frame.input.scale, dz: dz,
        counts: LabelCounts(counts.baseAddress!, labels: labels))
    }
  }
}
