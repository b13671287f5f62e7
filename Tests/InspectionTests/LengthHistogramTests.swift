import Inspection
import Testing

@Suite struct LengthHistogramTests {
  @Test func shortLengthsAreExact() {
    var lengths = LengthHistogram()
    for length in (1...100).reversed() { lengths.add(length) }
    #expect(lengths.count == 100 && lengths.total == 5050 && lengths.longest == 100 && lengths.shortest == 1)
    #expect(lengths.percentile(50) == 50 && lengths.percentile(90) == 90 && lengths.percentile(100) == 100)
    #expect(lengths.percentile(0) == 1 && lengths.count(above: 99) == 1 && lengths.count(above: 100) == 0)
    #expect(lengths.bars(10).map(\.count) == [19, 20, 20, 20, 20, 1])
    #expect(lengths.bars(10).map(\.start) == [0, 20, 40, 60, 80, 100])
  }

  /// Longer ones are told apart to within a 512th.
  @Test func longLengthsAreNear() throws {
    var cases = 0
    for exponent in 10...40 {
      for length in [1 << exponent, (1 << exponent) + (1 << (exponent - 2)) + 1, (2 << exponent) - 1] {
        var lengths = LengthHistogram()
        lengths.add(length)
        lengths.add(length * 4)
        let found = try #require(lengths.percentile(50))
        #expect(found <= length && length - found <= length / 512, "\(length): \(found)")
        cases += 1
      }
    }
    #expect(cases == 93)
  }

  @Test func nothingHasNoPercentile() {
    #expect(LengthHistogram().percentile(50) == nil && LengthHistogram().bars(5).isEmpty)
  }
}
