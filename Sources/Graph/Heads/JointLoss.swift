// A loss of all samples of a step together, such as one that compares them: micro-batches cannot know it alone.
//
// Each step runs forward first, for the representations of all rows; from these follow the loss and its gradient for
// every row. The micro-batches then get their rows' gradients as numbers, and carry them backward (Gao et al. 2021).
import Kernels
import Tensors

/// The loss of some samples that are compared with each other, and its gradient.
package typealias JointLossFormula =
  @Sendable (
    _ engine: Engine, _ z: UnsafePointer<Float>, _ rows: Int, _ columns: Int,
    _ numbers: UnsafePointer<Float>?,
    _ scale: Float, _ dz: UnsafeMutablePointer<Float>?, _ losses: UnsafeMutablePointer<Double>
  ) -> Void

extension Graph {
  /// Records the loss of rows' representations.
  /// - Parameters:
  ///   - z: [B, columns].
  ///   - formula: the loss where the micro-batch is all that is compared; it writes one loss for each sample.
  package func jointLoss(_ z: Value, _ formula: @escaping JointLossFormula) {
    guard purpose != .rehearsal else { return }
    _ = append(
      JointLoss(
        rows: z.rows, columns: z.columns, samples: z.rows / shape.rowsPerSample, loss: loss,
        isMeasured: purpose == .loss, formula: formula), inputs: [z], columns: 1, rows: 1)
  }
}

struct JointLoss: Operation {
  let rows: Int
  let columns: Int
  let samples: Int
  let loss: LossCell
  let isMeasured: Bool
  let formula: JointLossFormula
  var keeps: Keeps { Keeps(inputs: [0]) }

  func forward(_ frame: Frame) { run(frame, dz: nil) }

  func backward(_ frame: Frame) {
    let dz = frame.inputGradient(0)
    precondition(dz?.adding != true, "the loss is the last operation")
    run(frame, dz: dz?.base)
  }

  private func run(_ frame: Frame, dz: UnsafeMutablePointer<Float>?) {
    let z = frame.input(0)
    if isMeasured { loss.outputs = Array(UnsafeBufferPointer(start: z, count: rows * columns)) }
    if let given = frame.input.rowGradients {
      var sum = 0.0
      for row in 0..<rows {
        let numbers = given + row * (columns + 1)
        sum += Double(numbers[columns])
        dz?.advanced(by: row * columns).update(from: numbers, count: columns)
      }
      loss.sum = sum
      return
    }
    var losses = [Double](repeating: 0, count: samples)
    losses.withUnsafeMutableBufferPointer {
      formula(
        frame.engine, z, rows, columns, frame.input.numbers, frame.input.scale, dz, $0.baseAddress!)
    }
    loss.sum = losses.reduce(0, +)
  }
}
