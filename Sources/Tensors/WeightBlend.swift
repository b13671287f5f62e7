// A line of weights that moves to another one.

extension WeightLine {
  /// w ← share · v + (1 − share) · w in a range of the line, rounded to its type. Call `refreshVectors` after the last
  /// range.
  /// - Parameter other: v, of the same layout and type.
  package func blend(_ range: Range<Int>, with other: WeightLine, share: Float) {
    precondition(
      other.layout.count == layout.count && other.type == type, "the lines are of different models")
    other.read(range) { part, v in
      read(part) { part, w in
        switch type {
        case .float32:
          for index in 0..<part.count {
            floats[part.lowerBound + index] = share * v[index] + (1 - share) * w[index]
          }
        case .bfloat16:
          for index in 0..<part.count {
            halves[part.lowerBound + index] = BFloat16(rounding: share * v[index] + (1 - share) * w[index])
          }
        }
      }
    }
  }
}
