// One byte per number, and the largest magnitude of each row (Dettmers et al. 2022, LLM.int8()), as in bitsandbytes'
// `int8_vectorwise_quant` and `int8_vectorwise_dequant`.
import CProcessor

enum Int8Rows {
  /// - Parameter largest: [rows]; 0 for a row of zeros. A row with a number that is not finite becomes NaN as a whole.
  static func quantise(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into codes: UnsafeMutablePointer<Int8>,
    largest: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let xC = x + row * columns
      let size = largestMagnitude(xC, count: columns)
      largest[row] = size
      // Zeros, and numbers so small that their scale would be infinite, are 0, as in the reference.
      let factor = 127 / size
      let isScaled = factor.isFinite && size.isFinite
      for column in 0..<columns {
        codes[row * columns + column] =
          isScaled ? Int8((xC[column] * factor).rounded(.toNearestOrEven)) : 0
      }
    }
  }

  static func widen(
    _ codes: UnsafePointer<Int8>, count: Int, largest: Float, into y: UnsafeMutablePointer<Float>
  ) {
    swiftdp_widen_int8(codes, count, largest, 1 / 127, y)
  }
}
