// Blocks of 32 numbers: a scale in fp16 and a signed byte for each, as ggml's reference rounds them.
import Checkpoints

package enum Q8_0: GGUFType {
  package static let name = "q8_0"
  package static let number: UInt32 = 8
  package static let fileNumber: UInt32 = 7
  package static let block = (numbers: 32, bytes: 34)

  package static func encode(_ values: UnsafeBufferPointer<Float>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes(values.count))
    for start in stride(from: 0, to: values.count, by: block.numbers) {
      let part = values[start..<start + block.numbers]
      let scale = part.reduce(0) { max($0, abs($1)) } / 127
      let inverse = scale < .leastNormalMagnitude ? 0 : 1 / scale
      out.append(little: FloatConversion.narrowed(f16: scale))
      for value in part {
        out.append(UInt8(bitPattern: Int8((value * inverse).rounded(.toNearestOrAwayFromZero))))
      }
    }
    return out
  }
}
