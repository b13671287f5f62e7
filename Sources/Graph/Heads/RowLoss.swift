// The last operation of a task whose head gives a few numbers for each row or token: their loss, summed row by row.
import Kernels
import Tensors

/// What the loss of a task sees of a micro-batch.
struct RowLossFrame {
  let engine: Engine
  let input: GraphInput
  /// [rows, columns]: what the head gave; nothing else reads it.
  let z: UnsafeMutablePointer<Float>
  let rows: Int
  let columns: Int
  /// Its gradient, to be written anew; nil for the loss alone.
  let dz: UnsafeMutablePointer<Float>?
  let loss: LossCell
  /// Where predictions go, [rows, columns]; nil while a model is trained.
  let outputs: UnsafeMutablePointer<Double>?

  /// What each sample has beside its tokens.
  var numbers: UnsafePointer<Float> {
    guard let numbers = input.numbers else { preconditionFailure("the batch has no numbers") }
    return numbers
  }
}

extension RowLossFrame {
  /// What the head gave is what the model predicts.
  func predictAsGiven() {
    guard let outputs else { return }
    for index in 0..<rows * columns { outputs[index] = Double(z[index]) }
  }

  func withCounts(_ body: (LabelCounts) -> Double) -> Double {
    loss.counts.withUnsafeMutableBufferPointer { body(LabelCounts($0.baseAddress!, labels: $0.count / 3)) }
  }
}

/// The loss of a task: the sum over its rows.
typealias RowLossFormula = @Sendable (RowLossFrame) -> Double

extension Graph {
  /// Records the loss of what a head gives.
  /// - Parameters:
  ///   - counts: how many sums it leaves beside the loss.
  func rowLoss(_ z: Value, counts: Int = 0, _ formula: @escaping RowLossFormula) {
    if loss.counts.count != counts { loss.counts = [Double](repeating: 0, count: counts) }
    _ = append(
      RowLoss(rows: z.rows, columns: z.columns, loss: loss, isMeasured: purpose == .loss, formula: formula),
      inputs: [z], columns: 1, rows: 1)
  }
}

struct RowLoss: Operation {
  let rows: Int
  let columns: Int
  let loss: LossCell
  let isMeasured: Bool
  let formula: RowLossFormula
  var keeps: Keeps { Keeps(inputs: [0]) }

  func forward(_ frame: Frame) { run(frame, dz: nil) }

  /// Computes loss and gradient in one pass.
  func backward(_ frame: Frame) {
    let dz = frame.inputGradient(0)
    precondition(dz?.adding != true, "the loss is the last operation")
    run(frame, dz: dz?.base)
  }

  private func run(_ frame: Frame, dz: UnsafeMutablePointer<Float>?) {
    func sum(_ outputs: UnsafeMutablePointer<Double>?) -> Double {
      formula(
        RowLossFrame(
          engine: frame.engine, input: frame.input, z: frame.input(0), rows: rows, columns: columns, dz: dz,
          loss: loss, outputs: outputs))
    }
    guard isMeasured else {
      loss.sum = sum(nil)
      return
    }
    if loss.outputs.count != rows * columns { loss.outputs = [Double](repeating: 0, count: rows * columns) }
    loss.sum = loss.outputs.withUnsafeMutableBufferPointer { sum($0.baseAddress) }
  }
}
