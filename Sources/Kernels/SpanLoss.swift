// Where an answer begins and ends: a cross-entropy over the tokens of a row for each of the two, and their mean, as
// `…ForQuestionAnswering` of transformers. Padding takes no part, so that a row's loss does not depend on it.
import Foundation

extension Engine {
  /// The sum of the losses of all rows, in nats, in their order.
  /// - Parameters:
  ///   - z: [rows · length, 2]: the logits of each token for the begin and the end.
  ///   - lengths: [rows]: tokens without padding.
  ///   - targets: [rows, 2]: the tokens where answers begin and end; a row with a negative begin has no loss.
  ///   - dz: [rows · length, 2], written anew; nil for the loss alone.
  package func spanLoss(
    _ z: UnsafePointer<Float>, rows: Int, length: Int, lengths: UnsafePointer<Int32>,
    targets: UnsafePointer<Float>,
    scale: Float, dz: UnsafeMutablePointer<Float>?
  ) -> Double {
    var sum = 0.0
    for row in 0..<rows {
      if let dz { (dz + row * length * 2).update(repeating: 0, count: length * 2) }
      guard targets[2 * row] >= 0 else { continue }
      let tokens = Int(lengths[row])
      for side in 0..<2 {
        let start = row * length * 2 + side
        let target = Int(targets[2 * row + side])
        precondition(target < tokens, "an answer lies within its row")
        var peak = z[start]
        for t in 1..<max(tokens, 1) { peak = max(peak, z[start + 2 * t]) }
        var total = 0.0
        for t in 0..<tokens { total += exp(Double(z[start + 2 * t] - peak)) }
        sum += (Double(peak) - Double(z[start + 2 * target]) + log(total)) / 2
        guard let dz else { continue }
        for t in 0..<tokens {
          dz[start + 2 * t] = Float(exp(Double(z[start + 2 * t] - peak)) / total) * scale / 2
        }
        dz[start + 2 * target] -= scale / 2
      }
    }
    return sum
  }
}
