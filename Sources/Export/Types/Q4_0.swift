// Blocks of 32 numbers: a scale in fp16, and four bits for each number, from -8 to 7 times the scale. The number of the
// largest magnitude is exactly -8 of them.
import Checkpoints

package enum Q4_0: GGUFType {
  package static let name = "q4_0"
  package static let number: UInt32 = 2
  package static let fileNumber: UInt32 = 2
  package static let block = (numbers: 32, bytes: 18)
  package static let isCoarse = true

  package static func encode(_ values: UnsafeBufferPointer<Float>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes(values.count))
    let half = block.numbers / 2
    for start in stride(from: 0, to: values.count, by: block.numbers) {
      let part = UnsafeBufferPointer(rebasing: values[start..<start + block.numbers])
      let largest = part.reduce(0) { abs($1) > abs($0) ? $1 : $0 }
      let scale = largest / -8
      let inverse = abs(scale) < .leastNormalMagnitude ? 0 : 1 / scale
      out.append(little: FloatConversion.narrowed(f16: scale))
      func bits(_ place: Int) -> UInt8 { min(15, UInt8(part[place] * inverse + 8.5)) }
      for place in 0..<half { out.append(bits(place) | bits(place + half) << 4) }
    }
    return out
  }
}
