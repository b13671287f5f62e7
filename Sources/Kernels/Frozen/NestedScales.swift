// Scales that are quantised themselves (Dettmers et al. 2023, double quantisation), as bitsandbytes'
// `compress_statistics`: their mean is subtracted, each takes one byte of the dynamic map, and each 256 of them share
// one fp32 scale.

/// The scales of one matrix: the mean, then a scale for each 256, then one byte each.
struct NestedScales {
  private static let block = 256
  private let count: Int
  private let head: UnsafeMutablePointer<Float>
  private let codes: UnsafeMutablePointer<UInt8>
  private let table = DynamicMap.signed.table

  /// The bytes of this many scales.
  static func bytes(_ count: Int) -> Int {
    4 * (1 + blocks(count)) + (count + 3) / 4 * 4
  }

  private static func blocks(_ count: Int) -> Int { (count + block - 1) / block }

  init(_ memory: UnsafeMutableRawPointer, count: Int) {
    self.count = count
    head = memory.assumingMemoryBound(to: Float.self)
    codes = (memory + 4 * (1 + Self.blocks(count))).assumingMemoryBound(to: UInt8.self)
  }

  @inline(__always)
  subscript(_ number: Int) -> Float { table[Int(codes[number])] * head[1 + number / Self.block] + head[0] }

  func quantise(_ scales: UnsafePointer<Float>) {
    var sum = 0.0
    for number in 0..<count { sum += Double(scales[number]) }
    let mean = Float(sum / Double(max(count, 1)))
    head[0] = mean
    let values = DynamicMap.signed.values
    for (number, start) in stride(from: 0, to: count, by: Self.block).enumerated() {
      let end = min(start + Self.block, count)
      var largest: Float = 0
      for index in start..<end { largest = max(largest, abs(scales[index] - mean)) }
      head[1 + number] = largest
      for index in start..<end {
        let value = largest > 0 ? (scales[index] - mean) * (1 / largest) : 0
        codes[index] = Self.nearest(value, in: values)
      }
    }
  }

  /// The code of the nearest value.
  private static func nearest(_ value: Float, in values: [Float]) -> UInt8 {
    var (low, high) = (0, values.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if values[middle] > value { high = middle } else { low = middle }
    }
    return UInt8(values[high] - value < value - values[low] ? high : low)
  }
}
