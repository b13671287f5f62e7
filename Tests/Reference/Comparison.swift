// How far fp32 results are from fp64 ones, and slopes of fp64 functions.

package func doubles(_ values: [Float]) -> [Double] { values.map(Double.init) }

/// max |got − want| / max |want|, or over `scale`; infinite where the counts differ or anything is NaN.
package func worstError(_ got: [Float], _ want: [Double], scale: Double? = nil) -> Double {
  guard got.count == want.count else { return .infinity }
  var worst = 0.0
  var largest = scale ?? 0
  for (g, w) in zip(got, want) {
    // Equal infinities are no error, and their difference is NaN.
    let difference = Double(g) == w ? 0 : abs(Double(g) - w)
    guard difference < .infinity else { return .infinity }
    worst = max(worst, difference)
    if scale == nil { largest = max(largest, abs(w)) }
  }
  return worst == 0 ? 0 : worst / largest
}

/// Whether two results have the same bits, NaN included.
package func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
}

/// The slope of a function along each of some places, by central differences.
///
/// With a step of 3e-5 the curvature costs about 1e-9 of the slope, and fp64 rounding 1e-11 of the value.
package func slopes(
  of function: ([Double]) -> Double, at point: [Double], places: [Int]? = nil
) -> [Double] {
  var point = point
  return (places ?? Array(point.indices)).map { place in
    let middle = point[place]
    let step = 3e-5 * max(1, abs(middle))
    point[place] = middle + step
    let (above, upper) = (point[place], function(point))
    point[place] = middle - step
    let (below, lower) = (point[place], function(point))
    point[place] = middle
    return (upper - lower) / (above - below)
  }
}

/// Σ a · b: the loss whose gradient with respect to `a` is `b`.
package func dot(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count, "\(a.count) and \(b.count) numbers have no product")
  var sum = 0.0
  for index in a.indices { sum += a[index] * b[index] }
  return sum
}
