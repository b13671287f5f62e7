// Super-blocks of 256 numbers in eight parts of 32: four bits for each number, and for each part a scale and a minimum of
// six bits, in units of two fp16 numbers of the super-block (ggml's Q4_K).
import Checkpoints

package enum Q4_K: GGUFType {
  package static let name = "q4_k"
  package static let number: UInt32 = 12
  package static let fileNumber: UInt32 = 14
  package static let block = (numbers: 256, bytes: 144)
  package static let isCoarse = true

  private static let parts = 8
  private static let partCount = 32
  private static let largestScale: Float = 63

  package static func encode(_ values: UnsafeBufferPointer<Float>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes(values.count))
    for start in stride(from: 0, to: values.count, by: block.numbers) {
      append(UnsafeBufferPointer(rebasing: values[start..<start + block.numbers]), to: &out)
    }
    return out
  }

  private static func append(_ values: UnsafeBufferPointer<Float>, to out: inout [UInt8]) {
    let fits = (0..<parts).map { part in
      LinearFit(UnsafeBufferPointer(rebasing: values[part * partCount..<(part + 1) * partCount]))
    }
    let (scale, scales) = sixBits(fits.map(\.scale))
    let (minimum, minima) = sixBits(fits.map(\.minimum))
    out.append(little: scale)
    out.append(little: minimum)
    out += packed(scales, minima)
    let unit = (FloatConversion.widened(f16: scale), FloatConversion.widened(f16: minimum))
    let bits = (0..<block.numbers).map { place -> UInt8 in
      let part = place / partCount
      let step = unit.0 * Float(scales[part])
      guard step > 0 else { return 0 }
      let shifted = values[place] + unit.1 * Float(minima[part])
      return UInt8(min(max((shifted / step).rounded(.toNearestOrEven), 0), 15))
    }
    for pair in stride(from: 0, to: block.numbers, by: 2 * partCount) {
      for place in pair..<pair + partCount { out.append(bits[place] | bits[place + partCount] << 4) }
    }
  }

  /// Numbers that are not negative, as a unit and so many times that.
  private static func sixBits(_ values: [Float]) -> (unit: UInt16, counts: [UInt8]) {
    let largest = values.max() ?? 0
    guard largest > 0, largest.isFinite else { return (0, values.map { _ in 0 }) }
    let counts = values.map { $0 > 0 ? UInt8(min(($0 / largest * largestScale).rounded(), largestScale)) : 0 }
    return (FloatConversion.narrowed(f16: largest / largestScale), counts)
  }

  /// Eight scales and eight minima in twelve bytes: six bits of the first four each; of the others, four bits lie
  /// together, and the upper two above those of the first four.
  private static func packed(_ scales: [UInt8], _ minima: [UInt8]) -> [UInt8] {
    let half = parts / 2
    return (0..<half).map { scales[$0] | (scales[$0 + half] >> 4) << 6 }
      + (0..<half).map { minima[$0] | (minima[$0 + half] >> 4) << 6 }
      + (0..<half).map { scales[$0 + half] & 15 | (minima[$0 + half] & 15) << 4 }
  }
}

/// The scale s and the minimum m for which q · s − m with q from 0 to 15 comes closest to some numbers; large ones count
/// more.
private struct LinearFit {
  private(set) var scale: Float = 0
  /// Subtracted; not negative.
  private(set) var minimum: Float = 0

  private static let most: Float = 15
  /// How many scales are tried, and how far from the plain one.
  private static let tries = 21
  private static let spread: Float = 1

  init(_ values: UnsafeBufferPointer<Float>) {
    let low = min(values.min() ?? 0, 0)
    let high = values.max() ?? 0
    guard high > low else {
      minimum = -low
      return
    }
    let mean = (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
    let weights = values.map { mean + abs($0) }
    (scale, minimum) = ((high - low) / Self.most, -low)
    var best = Self.error(values, weights, scale, minimum)
    for trial in 0..<Self.tries {
      let shift = Self.spread * (2 * Float(trial) / Float(Self.tries - 1) - 1)
      let inverse = (Self.most + shift) / (high - low)
      let counts = values.map { min(max(((($0 - low) * inverse)).rounded(), 0), Self.most) }
      guard let fit = Self.leastSquares(values, weights, counts) else { continue }
      let error = Self.error(values, weights, fit.scale, fit.minimum)
      if error < best { (best, scale, minimum) = (error, fit.scale, fit.minimum) }
    }
  }

  /// The best scale and minimum for given counts.
  private static func leastSquares(
    _ values: UnsafeBufferPointer<Float>, _ weights: [Float], _ counts: [Float]
  ) -> (scale: Float, minimum: Float)? {
    var (w, l, ll, x, xl): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
    for (place, value) in values.enumerated() {
      let (weight, count) = (weights[place], counts[place])
      w += weight
      l += weight * count
      ll += weight * count * count
      x += weight * value
      xl += weight * value * count
    }
    let determinant = w * ll - l * l
    guard determinant > 0 else { return nil }
    let scale = (w * xl - x * l) / determinant
    let offset = (ll * x - l * xl) / determinant
    // The minimum is not negative: without one, the line goes through zero.
    if offset > 0 { return ll > 0 && xl > 0 ? (xl / ll, 0) : nil }
    return scale > 0 ? (scale, -offset) : nil
  }

  private static func error(
    _ values: UnsafeBufferPointer<Float>, _ weights: [Float], _ scale: Float, _ minimum: Float
  ) -> Float {
    var sum: Float = 0
    for (place, value) in values.enumerated() {
      let count = min(max(((value + minimum) / scale).rounded(), 0), most)
      let difference = count * scale - minimum - value
      sum += weights[place] * difference * difference
    }
    return sum
  }
}
