// Loss, gradient and AdamW steps of a replica, beside what a reference computed.
import Datasets
import Optimizers
import Tensors
import Testing
import Training

/// The mean loss of a batch, and its gradient; NaN where no segment came.
/// - Parameter weight: what both are multiplied by.
func gradient(
  of replica: Replica, _ batch: Batch, weight: Float = 1
) -> (loss: Double, gradients: [Float]) {
  var gradients = [Float](repeating: .nan, count: replica.layout.count)
  let sum = replica.train(batch, dividedBy: batch.targetCount, weight: weight, seed: 0, step: 0) {
    index, values in
    let range = replica.layout.segments[index].range
    gradients.replaceSubrange(range, with: UnsafeBufferPointer(start: values, count: range.count))
  }
  return (Double(weight) * sum / Double(batch.targetCount), gradients)
}

/// The losses and the norms of the gradient of a reference, step by step, with gradients clipped at 1.
struct ReferenceSteps {
  let losses: [Double]
  let norms: [Double]
  let learningRate: Double
  var tolerance = 1e-4
  /// Whether the reference's weight decay applies to a parameter.
  var decays: (ParameterSpec) -> Bool = { $0.shape.count > 1 }

  func check(_ replica: Replica, _ label: String = "", batch: (_ step: Int) throws -> Batch) rethrows {
    try checkLosses(replica, label) { gradient(of: replica, try batch($0)) }
  }

  /// - Parameter body: the loss of a step, and its gradient.
  func checkLosses(
    _ replica: Replica, _ label: String = "",
    of body: (_ step: Int) throws -> (loss: Double, gradients: [Float])
  ) rethrows {
    let rule = AdamW(weightDecay: 0.01)
    let states = rule.states.map { _ in FlatMemory(count: replica.layout.count, label: "states") }
    for step in losses.indices {
      let (loss, gradients) = try body(step)
      let norm = gradients.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(abs(loss / losses[step] - 1) <= tolerance, "\(label) step \(step)")
      #expect(abs(norm / norms[step] - 1) <= 10 * tolerance, "\(label) step \(step)")
      gradients.withUnsafeBufferPointer { gradients in
        for parameter in replica.layout.parameters {
          let start = parameter.range.lowerBound
          rule.update(
            UpdateStretch(
              weights: replica.weights.floats + start, gradients: gradients.baseAddress! + start,
              states: states.map { UnsafeMutableRawPointer($0.base + start) }, count: parameter.range.count,
              decays: decays(parameter.spec), weightDecay: parameter.spec.weightDecay),
            step: step + 1, learningRate: learningRate * parameter.spec.rateFactor,
            gradientScale: Float(min(1, 1 / (norm + 1e-6))),
            engine: replica.engine)
        }
      }
    }
  }
}
