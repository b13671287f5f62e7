// Binary cross-entropy of rows in which each label holds or does not, as torch's `BCEWithLogitsLoss`.
//
//   p = σ(z),  ℓ = −1/K Σ w[k] (y[k] log p[k] + (1 − y[k]) log(1 − p[k]))
import Foundation

extension Engine {
  /// The sum of the losses of all rows, in nats, in their order; the loss of a row is the mean over its labels.
  /// - Parameters:
  ///   - z: [rows, labels].
  ///   - targets: [rows, labels], 0 or 1; a row whose first is negative has no loss.
  ///   - form: smoothing draws targets to 1/2, focus is that of each label (Lin et al. 2017).
  ///   - dz: [rows, labels], written anew; nil for the loss alone.
  ///   - counts: for each label, how many rows have it, were given it (p > 1/2), and both.
  ///   - probabilities: [rows, labels], written for every row; nil if nobody asks.
  package func severalLabelsLoss(
    _ z: UnsafePointer<Float>, rows: Int, labels: Int, targets: UnsafePointer<Float>,
    form: LabelLossForm = LabelLossForm(), scale: Float, dz: UnsafeMutablePointer<Float>?,
    counts: LabelCounts,
    probabilities: UnsafeMutablePointer<Double>? = nil
  ) -> Double {
    var sum = 0.0
    for row in 0..<rows {
      let start = row * labels
      let hasLoss = targets[start] >= 0
      for k in start..<start + labels {
        let zk = Double(z[k])
        // log σ(z) and log σ(−z), without overflow.
        let tail = log1p(exp(-abs(zk)))
        let (logP, logQ) = (min(zk, 0) - tail, min(-zk, 0) - tail)
        let (p, q) = (exp(logP), exp(logQ))
        probabilities?[k] = p
        guard hasLoss else {
          dz?[k] = 0
          continue
        }
        counts.count(label: k - start, has: targets[k] > 0.5, isGiven: zk > 0)
        let y = Double(targets[k]) * (1 - form.smoothing) + form.smoothing / 2
        let weight = form.weight(k - start) / Double(labels)
        let focus = form.focus
        let (forP, forQ) = focus > 0 ? (pow(q, focus), pow(p, focus)) : (1, 1)
        sum -= weight * (y * forP * logP + (1 - y) * forQ * logQ)
        // d/dz of q^γ log p is q^γ (q − γ p log p); of p^γ log q it is −p^γ (p − γ q log q).
        let slope = y * forP * (q - focus * p * logP) - (1 - y) * forQ * (p - focus * q * logQ)
        dz?[k] = Float(-weight * slope) * scale
      }
    }
    return sum
  }
}

extension LabelCounts {
  func count(label: Int, has: Bool, isGiven: Bool) {
    if has { base[label] += 1 }
    if isGiven { base[labels + label] += 1 }
    if has, isGiven { base[2 * labels + label] += 1 }
  }
}
