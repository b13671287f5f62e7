// Cross-entropy of rows that each have one label of a few, all of them at once.
//
//   p = softmax(z),  ℓ = −w[label] log p[label],  dz = (p − onehot(label)) · w[label] · scale
//
// With smoothing ε, as torch's `CrossEntropyLoss`: ℓ = −(1 − ε) w[label] log p[label] − ε/K Σ w[k] log p[k].
// With focus γ (Lin et al. 2017): ℓ = −w[label] (1 − p[label])^γ log p[label].
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

/// How the loss of labels is bent.
package struct LabelLossForm: Sendable, Equatable {
  /// [labels]: the weight of each; nil for 1.
  package var weights: [Float]?
  /// ε, in 0..<1.
  package var smoothing: Double
  /// γ, at least 0; not beside smoothing.
  package var focus: Double

  package init(weights: [Float]? = nil, smoothing: Double = 0, focus: Double = 0) {
    precondition(smoothing == 0 || focus == 0, "a loss is smoothed or focused")
    self.weights = weights
    self.smoothing = smoothing
    self.focus = focus
  }

  var isPlain: Bool { weights == nil && smoothing == 0 && focus == 0 }
  func weight(_ label: Int) -> Double { weights.map { Double($0[label]) } ?? 1 }
}

extension Engine {
  /// The sum of the losses of all rows, in nats, in their order.
  /// - Parameters:
  ///   - z: [rows, labels].
  ///   - label: the label of a row, from 0; a row with a negative one has no loss.
  ///   - scale: the factor of each row's gradient.
  ///   - dz: [rows, labels], written anew; nil for the loss alone.
  ///   - probabilities: [rows, labels], written for every row; nil if nobody asks.
  package func labelLoss(
    _ z: UnsafePointer<Float>, rows: Int, labels: Int, label: (Int) -> Int,
    form: LabelLossForm = LabelLossForm(),
    scale: Float, dz: UnsafeMutablePointer<Float>?, counts: LabelCounts?,
    probabilities: UnsafeMutablePointer<Double>? = nil
  ) -> Double {
    var sum = 0.0
    for row in 0..<rows {
      let zK = z + row * labels
      let label = label(row)
      guard label >= 0 || probabilities != nil else {
        if let dz { (dz + row * labels).update(repeating: 0, count: labels) }
        continue
      }
      var peak = zK[0]
      var best = 0
      // A number that is not finite shows in the loss.
      for k in 1..<labels where zK[k] > peak { (peak, best) = (zK[k], k) }
      var total = 0.0
      for k in 0..<labels { total += exp(Double(zK[k] - peak)) }
      if let probabilities {
        for k in 0..<labels { probabilities[row * labels + k] = exp(Double(zK[k] - peak)) / total }
      }
      guard label >= 0 else { continue }
      counts?.count(label, predicted: best)
      let logSum = Double(peak) + log(total)
      if form.isPlain {
        sum += Double(peak) - Double(zK[label]) + log(total)
        guard let dz else { continue }
        let dzK = dz + row * labels
        for k in 0..<labels { dzK[k] = Float(exp(Double(zK[k] - peak)) / total) * scale }
        dzK[label] -= scale
      } else {
        sum += bentLoss(
          zK, labels: labels, label: label, form, logSum: logSum, scale: scale,
          dz: dz.map { $0 + row * labels })
      }
    }
    return sum
  }

  /// The loss of one row with weights, smoothing or focus.
  private func bentLoss(
    _ z: UnsafePointer<Float>, labels: Int, label: Int, _ form: LabelLossForm, logSum: Double, scale: Float,
    dz: UnsafeMutablePointer<Float>?
  ) -> Double {
    let weight = form.weight(label)
    let logP = Double(z[label]) - logSum
    let p = exp(logP)
    // dℓ/dz[k] = p[k] · pull − onehot · own − share[k]
    var (loss, own, pull) = (-weight * logP, weight, weight)
    let share = form.smoothing / Double(labels)
    if form.focus > 0 {
      let left = max(1 - p, 0)
      loss *= pow(left, form.focus)
      // With γ below 1 the slope at p = 1 is the limit of its product with (1 − p).
      let bend = left > 0 ? form.focus * pow(left, form.focus - 1) * p * logP : 0
      own = weight * (pow(left, form.focus) - bend)
      pull = own
    } else if form.smoothing > 0 {
      loss *= 1 - form.smoothing
      own *= 1 - form.smoothing
      pull = own
      for k in 0..<labels {
        loss -= share * form.weight(k) * (Double(z[k]) - logSum)
        pull += share * form.weight(k)
      }
    }
    if let dz {
      for k in 0..<labels {
        let slope = exp(Double(z[k]) - logSum) * pull - share * form.weight(k) - (k == label ? own : 0)
        dz[k] = Float(slope) * scale
      }
    }
    return loss
  }
}
