import Base
import Testing

@Suite struct PhiloxTests {
  /// The known answers of the Random123 distribution (kat_vectors, philox4x32 10 rounds).
  @Test func knownAnswers() {
    let zero = Philox(seed: 0).words(.zero)
    #expect(zero == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = Philox(seed: .max).words(SIMD4(repeating: .max))
    #expect(ones == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = Philox(seed: 0x299f_31d0_a409_3822).words(
      SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
    #expect(pi == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  /// Eight words at a time are those that come one by one, also where the counter passes 32 bits.
  @Test func manyWordsAreThoseOfTheStream() {
    for (first, count) in [(0, 1), (3, 8), ((1 << 32) - 5, 29), (7, 1000)] {
      var single = PhiloxStream(seed: 0x299f_31d0_a409_3822, stream: 0x1319_8a2e_0370_7344)
      single.skip(first)
      var many = single
      let words = [UInt64](unsafeUninitializedCapacity: count) { buffer, filled in
        many.fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        filled = count
      }
      #expect(words == (0..<count).map { _ in single.next() }, "\(first), \(count)")
      #expect(many.next() == single.next())
    }
  }

  @Test func belowCoversItsRangeEvenly() {
    var stream = PhiloxStream(seed: 1, stream: 2)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<7000 { counts[stream.below(7)] += 1 }
    #expect(counts.allSatisfy { $0 > 850 && $0 < 1150 })
  }
}
