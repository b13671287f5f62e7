// Rows of a table by distance, against `_relative_position_bucket` of transformers 5.
import Graph
import Testing

@Suite struct DistanceBucketTests {
  /// Buckets, farthest distance, direction, and how many distances each row has, from 0 to 300 before the query.
  static let cases: [(buckets: DistanceBuckets, counts: [Int])] = [
    (
      DistanceBuckets(count: 32, farthest: 128, isCausal: false),
      [1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 7, 9, 14, 18, 27, 210]
    ),
    (
      DistanceBuckets(count: 32, farthest: 128, isCausal: true),
      [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 2, 3, 3, 4, 4, 5, 6, 6, 7, 8, 10, 10, 12, 14, 188]
    ),
    (DistanceBuckets(count: 12, farthest: 20, isCausal: false), [1, 1, 1, 3, 5, 290]),
    (DistanceBuckets(count: 7, farthest: 50, isCausal: true), [1, 1, 1, 4, 6, 12, 276]),
  ]

  @Test func rowsAreThoseOfTransformers() {
    var compared = 0
    for (buckets, counts) in Self.cases {
      let want = counts.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
      #expect(want.count == 301)
      #expect((0...300).map { buckets.row(of: -$0) } == want, "\(buckets)")
      // Keys behind the query have rows of their own, or that of distance 0.
      let behind = (1...300).map { buckets.row(of: $0) }
      let half = buckets.count / 2
      #expect(
        behind == (buckets.isCausal ? Array(repeating: 0, count: 300) : want.dropFirst().map { $0 + half }))
      compared += 1
    }
    #expect(compared == 4)
  }
}
