// Pearson's and Spearman's correlation, as scipy computes them.

package enum Correlation {
  /// NaN where one side does not vary.
  package static func pearson(_ a: [Double], _ b: [Double]) -> Double {
    let count = Double(a.count)
    let (meanA, meanB) = (a.reduce(0, +) / count, b.reduce(0, +) / count)
    var (both, squaresA, squaresB) = (0.0, 0.0, 0.0)
    for (a, b) in zip(a, b) {
      both += (a - meanA) * (b - meanB)
      squaresA += (a - meanA) * (a - meanA)
      squaresB += (b - meanB) * (b - meanB)
    }
    return both / (squaresA.squareRoot() * squaresB.squareRoot())
  }

  /// Equal numbers share the mean of their ranks.
  package static func spearman(_ a: [Double], _ b: [Double]) -> Double { pearson(ranks(a), ranks(b)) }

  static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in order[start..<end] { ranks[place] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }
}
