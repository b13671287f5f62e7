// One byte per number, and the largest magnitude of each row (Dettmers et al. 2022, LLM.int8()), as in bitsandbytes'
// `int8_vectorwise_quant` and `int8_vectorwise_dequant`.
import CProcessor

package enum Int8Rows {
  /// - Parameter largest: [rows]; 0 for a row of zeros.
  package static func quantise(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, into codes: UnsafeMutablePointer<Int8>,
    largest: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let xC = x + row * columns
      var size: Float = 0
      for column in 0..<columns { size = max(size, abs(xC[column])) }
      largest[row] = size
      let factor: Float = size > 0 ? 127 / size : 0
      for column in 0..<columns {
        codes[row * columns + column] = Int8((xC[column] * factor).rounded(.toNearestOrEven))
      }
    }
  }

  static func widen(
    _ codes: UnsafePointer<Int8>, count: Int, largest: Float, into y: UnsafeMutablePointer<Float>
  ) {
    swiftdp_widen_int8(codes, count, largest * (1 / 127 as Float), y)
  }
}
