// Queries as bytes, and what the sum of bytes must reach for a row to be among the best.
import Kernels

struct QueryBytes {
  /// [queries, whole groups] Each query, divided by its step.
  let codes: [Int8]
  private let bounds: [Bounds]
  private let width: Int

  private struct Bounds {
    let step: Double
    /// The length of a query without what its bytes stand for.
    let error: Double
    let length: Double
    /// What a row of zeros has for its sum.
    let zero: Double
  }

  /// - Parameter queries: [n, width]
  init(_ queries: [Float], width: Int) {
    let (count, size) = (queries.count / width, ByteRows.vector(width))
    let most = ByteRows.largestInVector(width)
    var codes = [Int8](repeating: 0, count: count * size)
    bounds = (0..<count).map { query in
      let x = queries[query * width..<(query + 1) * width]
      let largest = x.reduce(0) { max($0, abs($1)) }
      let step = largest.isFinite ? largest / Float(most) : 0
      var (error, length, sum) = (0.0, 0.0, 0)
      for (column, number) in x.enumerated() {
        let steps = step > 0 ? (number / step).rounded() : 0
        let whole = steps.isFinite ? min(max(Int(steps), -most), most) : 0
        codes[query * size + column] = Int8(whole)
        sum += whole
        let left = Double(number) - Double(step) * Double(whole)
        error += left * left
        length += Double(number) * Double(number)
      }
      return Bounds(
        step: Double(step), error: error.squareRoot(), length: length.squareRoot(),
        zero: Double(ByteRows.zero * sum))
    }
    self.codes = codes
    self.width = width
  }

  /// What the sum of a row must reach so that its score may reach `score`; nil if that of no row of the list does.
  /// - Parameter centroid: the score of the list's centroid.
  func least(_ query: Int, for score: Float, centroid: Float, _ list: ListCodes.Bounds) -> Int32? {
    let own = bounds[query]
    let rest = Double(score) - Double(centroid) - slack(own, list)
    return Self.whole(rest / (own.step * Double(list.step)) + own.zero)
  }

  /// What the sum of a row must reach so that its score may reach that of a row whose sum is given.
  func least(_ query: Int, besides sum: Int32, _ list: ListCodes.Bounds) -> Int32? {
    let own = bounds[query]
    return Self.whole(Double(sum) - 2 * slack(own, list) / (own.step * Double(list.step)))
  }

  /// How far the score that bytes and centroid give may be from that of the row.
  private func slack(_ own: Bounds, _ list: ListCodes.Bounds) -> Double {
    let (error, length) = (Double(list.error), Double(list.length))
    // The scores of the row and of the centroid are rounded sums.
    let rounding = 2 * Double(VectorScan.slack(width: width)) * own.length * (1 + error + length)
    return own.length * error + own.error * length + rounding
  }

  /// The number below, within 32 bits, which have room for every sum. NaN, where nothing is known, is below all sums.
  private static func whole(_ least: Double) -> Int32? {
    if least > Double(Int32.max) { return nil }
    return least > Double(Int32.min) ? Int32(least.rounded(.down)) : .min
  }
}
