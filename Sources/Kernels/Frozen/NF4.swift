// NF4 (Dettmers et al. 2023, QLoRA): the sixteen quantiles of a normal distribution, in blocks of 64 numbers that are
// scaled by their largest magnitude. Codes and scales are those of bitsandbytes' CPU functions.
import CProcessor
import Tensors

enum NF4 {
  /// Numbers of one scale.
  static let block = 64

  /// By code.
  static let values: [Float] = [
    -1, -0x1.647362p-1, -0x1.0cd66p-1, -0x1.946540p-2, -0x1.23449ap-2, -0x1.7a6a7ep-3, -0x1.74f0e2p-4, 0,
    0x1.45f5fep-4, 0x1.4995c6p-3, 0x1.f809bap-3, 0x1.5a0674p-2, 0x1.c34970p-2, 0x1.200f56p-1,
    0x1.722766p-1, 1,
  ]

  /// The same in memory that is never freed, for loops.
  private static let table = Table()

  private struct Table: @unchecked Sendable {
    let values: UnsafeMutablePointer<Float>
    /// The middles between neighbouring values, fifteen of them.
    let middles: UnsafeMutablePointer<Float>

    init() {
      values = .allocate(capacity: 16)
      values.initialize(from: NF4.values, count: 16)
      middles = .allocate(capacity: 15)
      for code in 0..<15 { (middles + code).initialize(to: (values[code] + values[code + 1]) / 2) }
    }
  }

  /// - Parameters:
  ///   - codes: (count + 1) / 2 bytes, the first of two numbers in the upper half.
  ///   - scales: the largest magnitude of each block.
  static func quantise(
    _ x: UnsafePointer<Float>, count: Int, into codes: UnsafeMutablePointer<UInt8>,
    scales: UnsafeMutablePointer<Float>
  ) {
    let middles = table.middles
    for (number, start) in stride(from: 0, to: count, by: block).enumerated() {
      let end = min(start + block, count)
      let largest = largestMagnitude(x + start, count: end - start)
      // As the reference: whole blocks are multiplied by the reciprocal, a shorter last one is divided.
      let isWhole = end - start == block
      scales[number] = isWhole ? largest : max(largest, 1e-38)
      let divisor = max(largest, 1e-38)
      let factor = 1 / divisor
      for index in start..<end {
        let value = min(max(isWhole ? x[index] * factor : x[index] / divisor, -1), 1)
        var code: UInt8 = 0
        for middle in 0..<15 where value > middles[middle] { code += 1 }
        if index % 2 == 0 { codes[index / 2] = code << 4 } else { codes[index / 2] |= code }
      }
    }
    // The unused half of the last byte holds the code of zero, as in the reference.
    if count % 2 == 1 { codes[count / 2] |= 7 }
  }

  /// Writes some numbers of a matrix, counted through all of its rows.
  /// - Parameter scale: gives the scale of a block, by its number.
  @inline(__always)
  static func widen(
    _ codes: UnsafeMutableRawPointer, _ range: Range<Int>, into y: UnsafeMutablePointer<Float>,
    scale: (Int) -> Float
  ) {
    forEachBlock(codes, range) { codes, part, number in
      swiftdp_widen_nf4(
        codes, part.lowerBound, part.count, table.values, scale(number),
        y + part.lowerBound - range.lowerBound)
    }
  }

  /// The same, rounded to bfloat16.
  @inline(__always)
  static func narrow(
    _ codes: UnsafeMutableRawPointer, _ range: Range<Int>, into y: UnsafeMutablePointer<BFloat16>,
    scale: (Int) -> Float
  ) {
    let bits = UnsafeMutableRawPointer(y).assumingMemoryBound(to: UInt16.self)
    forEachBlock(codes, range) { codes, part, number in
      swiftdp_narrow_nf4(
        codes, part.lowerBound, part.count, table.values, scale(number),
        bits + part.lowerBound - range.lowerBound)
    }
  }

  /// - Parameter body: gets all codes, and the part of a block that is in the range, with the block's number.
  @inline(__always)
  private static func forEachBlock(
    _ codes: UnsafeMutableRawPointer, _ range: Range<Int>,
    _ body: (_ codes: UnsafePointer<UInt8>, _ part: Range<Int>, _ number: Int) -> Void
  ) {
    let codes = UnsafePointer(codes.assumingMemoryBound(to: UInt8.self))
    var start = range.lowerBound
    while start < range.upperBound {
      let number = start / block
      let end = min((number + 1) * block, range.upperBound)
      body(codes, start..<end, number)
      start = end
    }
  }
}
