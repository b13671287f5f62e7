import Base
import Checkpoints
import Tensors
import Testing

@Suite struct FloatConversionTests {
  private func widened<Element>(_ type: StoredType, _ values: [Element]) -> [Float] {
    var out = [Float](repeating: .nan, count: values.count)
    values.withUnsafeBytes { source in
      out.withUnsafeMutableBufferPointer { target in
        if let base = source.baseAddress { FloatConversion.widen(type, base, into: target) }
      }
    }
    return out
  }

  @Test func everyBFloat16IsTheUpperHalfOfItsFloat() {
    let all = (0...UInt16.max).map { $0 }
    let wrong = zip(all, widened(.bf16, all)).filter { $1.bitPattern != UInt32($0) << 16 }
    #expect(wrong.isEmpty)
    #expect(all.count == 65536)
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func everyFloat16IsExact() {
      let all = (0...UInt16.max).map { $0 }
      let wrong = zip(all, widened(.f16, all)).filter { half, value in
        let expected = Float(Float16(bitPattern: half))
        return expected.isNaN
          ? !value.isNaN || value.sign != expected.sign : value.bitPattern != expected.bitPattern
      }
      #expect(wrong.isEmpty)
      #expect(all.count == 65536)
    }
  #endif

  #if !(os(macOS) && arch(x86_64))
    /// Every half, the middle to the next one, and what lies a step beside the middle.
    @Test func float16RoundsToNearestEven() {
      var wrong = 0
      var cases = 0
      for half in 0..<UInt16(0x7C00) {
        let (low, high) = (Float16(bitPattern: half), Float16(bitPattern: half + 1))
        let middle = high.isFinite ? (Float(low) + Float(high)) / 2 : 65520
        for x in [Float(low), middle, middle.nextUp, middle.nextDown] {
          for value in [x, -x] {
            if FloatConversion.narrowed(f16: value) != Float16(value).bitPattern { wrong += 1 }
            cases += 1
          }
        }
      }
      for value: Float in [1e30, -1e30, 65519.996] + [Float.infinity, -Float.infinity] {
        if FloatConversion.narrowed(f16: value) != Float16(value).bitPattern { wrong += 1 }
      }
      #expect(wrong == 0 && cases == 8 * 0x7C00)
      #expect(FloatConversion.widened(f16: FloatConversion.narrowed(f16: .nan)).isNaN)
    }
  #endif

  @Test func doublesAreRounded() {
    let values: [Double] = [0, -0.0, 0.1, 1e300, -1e300, 1e-300, .nan, .infinity, 0x1.000001p0, 0x1.000003p0]
    let read = widened(.f64, values)
    for (value, float) in zip(values, read) {
      #expect(value.isNaN ? float.isNaN : float.bitPattern == Float(value).bitPattern)
    }
    #expect(read.count == 10)
  }

  /// The nearer of the two neighbours, by distance in fp64; ties to the even one.
  private func reference(_ value: Float) -> UInt16 {
    let below = UInt16(value.bitPattern >> 16)
    if value.isInfinite { return below }
    let above = below + 1
    func real(_ half: UInt16) -> Double {
      let float = Float(bitPattern: UInt32(half) << 16)
      // The next value after the largest, so that rounding to infinity is an ordinary rounding.
      return float.isInfinite ? (float < 0 ? -0x1p128 : 0x1p128) : Double(float)
    }
    let down = abs(Double(value) - real(below))
    let up = abs(real(above) - Double(value))
    return down < up || (down == up && below % 2 == 0) ? below : above
  }

  @Test func bfloat16RoundsToNearestEven() {
    var wrong: [UInt32] = []
    var cases = 0
    func check(_ bits: UInt32) {
      let value = Float(bitPattern: bits)
      let rounded = BFloat16(rounding: value).bits
      let back = Float(bitPattern: UInt32(rounded) << 16)
      let right = value.isNaN ? back.isNaN && back.sign == value.sign : rounded == reference(value)
      if !right { wrong.append(bits) }
      cases += 1
    }
    // Every bfloat16 (zeros, denormals, infinities and NaNs among them), with lower bits around a tie.
    for upper in 0...UInt32(UInt16.max) {
      for tail: UInt32 in [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF] { check(upper << 16 | tail) }
    }
    var random = PhiloxStream(seed: 3, stream: 0)
    for _ in 0..<100_000 { check(UInt32(truncatingIfNeeded: random.next())) }
    #expect(wrong.isEmpty, "\(wrong.prefix(5))")
    #expect(cases == 6 * 65536 + 100_000)
  }
}
