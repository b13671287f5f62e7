// Scales that are quantised themselves (Dettmers et al. 2023, double quantisation): less their mean, a byte each of the
// dynamic map, and one fp32 scale for 256 of them; as bitsandbytes' `compress_statistics` and `quantize_blockwise`.

/// The scales of one matrix: the mean, then a scale for each 256, then a byte each.
package struct NestedScales {
  private static let block = 256
  private let count: Int
  private let head: UnsafeMutablePointer<Float>
  private let codes: UnsafeMutablePointer<UInt8>
  private let table = DynamicMap.signed.table

  /// Bytes of so many scales.
  package static func bytes(_ count: Int) -> Int {
    4 * (1 + blocks(count)) + (count + 3) / 4 * 4
  }

  private static func blocks(_ count: Int) -> Int { (count + block - 1) / block }

  package init(_ memory: UnsafeMutableRawPointer, count: Int) {
    self.count = count
    head = memory.assumingMemoryBound(to: Float.self)
    codes = (memory + 4 * (1 + Self.blocks(count))).assumingMemoryBound(to: UInt8.self)
  }

  @inline(__always)
  package subscript(_ number: Int) -> Float {
    table[Int(codes[number])] * head[1 + number / Self.block] + head[0]
  }

  /// The reference adds up in fp32 in an order that depends on its threads; this is the mean that it rounds to at best.
  package static func mean(_ scales: UnsafePointer<Float>, count: Int) -> Float {
    var sum = 0.0
    for number in 0..<count { sum += Double(scales[number]) }
    return Float(sum / Double(max(count, 1)))
  }

  package func quantise(_ scales: UnsafePointer<Float>, mean: Float) {
    head[0] = mean
    let values = DynamicMap.signed.values
    let rest = UnsafeMutablePointer<Float>.allocate(capacity: Self.block)
    defer { rest.deallocate() }
    for (number, start) in stride(from: 0, to: count, by: Self.block).enumerated() {
      let length = min(Self.block, count - start)
      for index in 0..<length { rest[index] = scales[start + index] - mean }
      let largest = largestMagnitude(rest, count: length)
      head[1 + number] = largest
      let factor = 1 / largest
      for index in 0..<length {
        codes[start + index] = largest > 0 ? Self.code(rest[index] * factor, in: values) : 0
      }
    }
  }

  /// The code of a number of −1…1: nearest to its place on a grid of 2^16, as the reference looks it up.
  private static func code(_ value: Float, in values: [Float]) -> UInt8 {
    guard value.isFinite else { return 0 }
    let clamped: Float = min(max(value, -1), 1)
    let place = Int((clamped + 1) * 0.5 * 65535 + 0.5)
    let rounded: Float = -1 + 2 * Float(place) / 65535
    // The first value whose middle with the next one is not below.
    var (low, high) = (0, values.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if 0.5 * (values[middle] + values[middle + 1]) < rounded { low = middle + 1 } else { high = middle }
    }
    return UInt8(low)
  }
}
