// Cross-entropy of rows that each have one label of a few, all of them at once.
//
//   ℓ = log Σ exp z − z[label],  dz = (softmax(z) − onehot(label)) · scale
import Foundation

/// What the labels of some rows were, and which ones were predicted: for each label, the number of rows that have it,
/// that were given it, and both.
package struct LabelCounts {
  /// [3 · labels]
  let base: UnsafeMutablePointer<Double>
  let labels: Int

  package init(_ base: UnsafeMutablePointer<Double>, labels: Int) {
    self.base = base
    self.labels = labels
  }

  func count(_ label: Int, predicted: Int) {
    base[label] += 1
    base[labels + predicted] += 1
    if label == predicted { base[2 * labels + label] += 1 }
  }
}

extension Engine {
  /// The sum of the losses of all rows, in nats, in their order.
  /// - Parameters:
  ///   - z: [rows, labels].
  ///   - rowLabels: [rows], whole numbers from 0; a row with a negative one has no loss.
  ///   - scale: the factor of each row's gradient.
  ///   - dz: [rows, labels], written anew; nil for the loss alone.
  package func labelLoss(
    _ z: UnsafePointer<Float>, rows: Int, labels: Int, rowLabels: UnsafePointer<Float>, scale: Float,
    dz: UnsafeMutablePointer<Float>?, counts: LabelCounts
  ) -> Double {
    var sum = 0.0
    for row in 0..<rows {
      let zK = z + row * labels
      let label = Int(rowLabels[row])
      guard label >= 0 else {
        if let dz { (dz + row * labels).update(repeating: 0, count: labels) }
        continue
      }
      var peak = zK[0]
      var best = 0
      // A number that is not finite shows in the loss.
      for k in 1..<labels where zK[k] > peak { (peak, best) = (zK[k], k) }
      var total = 0.0
      for k in 0..<labels { total += exp(Double(zK[k] - peak)) }
      sum += Double(peak) - Double(zK[label]) + log(total)
      counts.count(label, predicted: best)
      guard let dz else { continue }
      let dzK = dz + row * labels
      for k in 0..<labels { dzK[k] = Float(exp(Double(zK[k] - peak)) / total) * scale }
      dzK[label] -= scale
    }
    return sum
  }
}
