// Means and deviations of rewards within groups, as TRL 1 has them.

package struct GroupStatistics: Sendable {
  package let means: [Double]
  /// Of samples: with one less than the number of rewards below the sum of squares.
  package let deviations: [Double]

  /// - Parameter size: of a group.
  package init(_ rewards: [Double], size: Int) {
    let groups = stride(from: 0, to: rewards.count, by: size).map {
      rewards[$0..<min($0 + size, rewards.count)]
    }
    means = groups.map { Self.mean($0) }
    deviations = groups.map { Self.deviation($0) }
  }

  package static func mean(_ values: some Collection<Double>) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  package static func deviation(_ values: some Collection<Double>) -> Double {
    guard values.count > 1 else { return 0 }
    let mean = mean(values)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
  }
}
