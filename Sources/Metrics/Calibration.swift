// Whether a model is as sure as it is right: the expected calibration error of Guo et al. 2017, in ten bins.

package struct Calibration {
  private static let bins = 10
  private var rows = none
  private var right = none
  private var confidence = none
  private static let none = [Double](repeating: 0, count: bins)

  package init() {}

  /// - Parameter confidence: the probability of the label that was given, in 0...1.
  package mutating func count(confidence: Double, isRight: Bool) {
    // What is not finite belongs to no bin, and shows in the mean.
    let bin = confidence >= 0 ? min(Int(confidence * Double(Self.bins)), Self.bins - 1) : 0
    rows[bin] += 1
    if isRight { right[bin] += 1 }
    self.confidence[bin] += confidence
  }

  /// The mean distance between confidence and accuracy, over bins by their rows; NaN without rows.
  package var error: Double {
    let all = rows.reduce(0, +)
    return zip(right, confidence).reduce(0) { $0 + abs($1.0 - $1.1) } / all
  }
}
