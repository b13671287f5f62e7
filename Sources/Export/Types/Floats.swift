// Types that keep each number by itself.
import Checkpoints
import Tensors

package enum F32: GGUFType {
  package static let name = "f32"
  package static let number: UInt32 = 0
  package static let fileNumber: UInt32 = 0
  package static let block = (numbers: 1, bytes: 4)

  package static func encode(_ values: UnsafeBufferPointer<Float>) -> [UInt8] {
    Array(UnsafeRawBufferPointer(values))
  }
}

package enum F16: GGUFType {
  package static let name = "f16"
  package static let number: UInt32 = 1
  package static let fileNumber: UInt32 = 1
  package static let block = (numbers: 1, bytes: 2)

  package static func encode(_ values: UnsafeBufferPointer<Float>) -> [UInt8] {
    let halves = values.map { FloatConversion.narrowed(f16: $0) }
    return halves.withUnsafeBytes { Array($0) }
  }
}

package enum BF16: GGUFType {
  package static let name = "bf16"
  package static let number: UInt32 = 30
  package static let fileNumber: UInt32 = 32
  package static let block = (numbers: 1, bytes: 2)

  package static func encode(_ values: UnsafeBufferPointer<Float>) -> [UInt8] {
    let halves = values.map { BFloat16(rounding: $0).bits }
    return halves.withUnsafeBytes { Array($0) }
  }
}
