import Base
import Metrics
import Testing

@Suite struct MinHashTests {
  private let hash = MinHash()

  /// A text of numbered words.
  private func text(_ words: Range<Int>) -> [UInt8] {
    Array(words.map { "w\($0)" }.joined(separator: " ").utf8)
  }

  private func estimate(_ a: [UInt8], _ b: [UInt8]) throws -> Double {
    let (a, b) = (try #require(hash.signature(a)), try #require(hash.signature(b)))
    return Double(zip(a, b).count { $0 == $1 }) / Double(MinHash.size)
  }

  /// Words 0 to n share with words k to n + k the shingles of n - k words.
  @Test func signaturesEstimateTheJaccardIndex() throws {
    var cases = 0
    for shift in [0, 5, 10, 25, 50, 100, 204] {
      let shingles = 200.0
      let jaccard = max(0, shingles - Double(shift)) / (shingles + Double(shift))
      let found = try estimate(text(0..<204), text(shift..<204 + shift))
      // Four standard deviations of the mean of 128 draws.
      let bound = 4 * (jaccard * (1 - jaccard) / Double(MinHash.size)).squareRoot() + 1e-9
      #expect(abs(found - jaccard) <= bound, "\(shift): \(found), not \(jaccard)")
      cases += 1
    }
    #expect(cases == 7)
  }

  @Test func words() {
    let cases: [(a: String, b: String, isEqual: Bool)] = [
      ("The cat, sat.", "the CAT sat", true), ("a-b", "a b", true), ("naïve", "naive", false),
      ("東京都", "東 京 都", true), ("русский", "РУССКИЙ", true), ("", "!?", true),
    ]
    for (a, b, isEqual) in cases {
      #expect((MinHash.words(Array(a.utf8)) == MinHash.words(Array(b.utf8))) == isEqual, "\(a), \(b)")
    }
    #expect(cases.count == 6)
    #expect(hash.signature(Array("!?".utf8)) == nil)
    #expect(hash.signature(Array("one".utf8)) != nil)
  }

  /// Texts that are more alike than the threshold by some measure are found, and others are not.
  @Test func thresholds() throws {
    for (threshold, found, notFound) in [(0.8, 8, 80), (0.5, 30, 120)] {
      var misses = 0
      for start in stride(from: 0, to: 100_000, by: 1000) {
        var near = NearTexts(threshold: threshold)
        func signature(_ shift: Int) throws -> [UInt32] {
          try #require(hash.signature(text(start + shift..<start + shift + 204)))
        }
        #expect(near.findOrKeep(try signature(0)) == nil)
        #expect(near.findOrKeep(try signature(notFound)) == nil)
        if near.findOrKeep(try signature(-found + 2 * found)) != 0 { misses += 1 }
      }
      #expect(misses <= 2, "\(threshold)")
    }
  }
}
