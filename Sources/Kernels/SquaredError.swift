// The squared error of rows of numbers, as torch's `MSELoss`: ℓ = 1/K Σ (z[k] − y[k])².

extension Engine {
  /// The sum of the losses of all rows in their order; the loss of a row is the mean over its numbers.
  /// - Parameters:
  ///   - z: [rows, numbers].
  ///   - targets: [rows, numbers]; a row whose first is NaN has no loss.
  ///   - dz: [rows, numbers], written anew; nil for the loss alone.
  package func squaredError(
    _ z: UnsafePointer<Float>, rows: Int, numbers: Int, targets: UnsafePointer<Float>, scale: Float,
    dz: UnsafeMutablePointer<Float>?
  ) -> Double {
    var sum = 0.0
    for row in 0..<rows {
      let start = row * numbers
      let hasLoss = !targets[start].isNaN
      for k in start..<start + numbers {
        let difference = hasLoss ? Double(z[k]) - Double(targets[k]) : 0
        sum += difference * difference / Double(numbers)
        dz?[k] = Float(2 * difference / Double(numbers)) * scale
      }
    }
    return sum
  }
}
