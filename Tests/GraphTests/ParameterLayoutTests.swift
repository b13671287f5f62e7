// The flat line of parameters: order, buckets and segments, and which parameter a range touches.
import Reference
import Tensors
import Testing

@Suite struct ParameterLayoutTests {
  private func spec(_ name: String, _ shape: [Int], trains: Bool = true) -> ParameterSpec {
    ParameterSpec(name: name, shape: shape, decays: true, initial: .zeros, trains: trains)
  }

  /// Parameters of very different sizes, some of them frozen.
  private func random(_ draw: inout Draw) -> ParameterLayout {
    let specs = (0..<1 + draw.below(12)).map { index in
      let bound = [3, 200, 1500, 6000][draw.below(4)]
      return spec("p\(index)", [1 + draw.below(bound)], trains: draw.chance(0.8))
    }
    return ParameterLayout(specs: specs, bucketCount: [1, 1024, 2048, 5000][draw.below(4)])
  }

  @Test func trainedOnesComeFirstAndLastUsedOnesBefore() {
    let layout = ParameterLayout(specs: [
      spec("a", [2, 3]), spec("b", [4], trains: false), spec("c", [5]), spec("d", [1], trains: false),
    ])
    #expect(layout.parameters.map(\.spec.name) == ["c", "a", "d", "b"])
    #expect(layout.parameters.map(\.range) == [0..<5, 5..<11, 11..<12, 12..<16])
    #expect(layout.forwardOrder.map { layout.parameters[$0].spec.name } == ["a", "b", "c", "d"])
    #expect(layout.trainedCount == 11 && layout.count == 16)
    #expect(layout["c"]?.range == 0..<5 && layout["e"] == nil)
    #expect(layout.index(of: "d") == 2)
  }

  @Test func largeOnesAreCutAndTinyOnesJoined() {
    let layout = ParameterLayout(
      specs: [
        spec("tiny1", [10]), spec("tiny2", [20]), spec("large", [5000]), spec("tiny3", [30]),
        spec("tiny4", [2000]), spec("tiny5", [40]),
      ], bucketCount: 2048)
    // Backwards: tiny5 and tiny4 fit into one bucket with 2,040 numbers; tiny3 would be too much.
    #expect(layout.segments.map(\.range) == [0..<2040, 2040..<2070, 2070..<7070, 7070..<7100])
    #expect(layout.segments.map(\.buckets) == [0..<1, 1..<2, 2..<5, 5..<6])
    #expect(
      layout.buckets == [
        0..<2040, 2040..<2070, 2070..<4118, 4118..<6166, 6166..<7070, 7070..<7100,
      ])
  }

  @Test func bucketsAndSegmentsCoverTheTrainedLine() {
    var draw = Draw(300)
    var ran = 0
    for _ in 0..<300 {
      let layout = random(&draw)
      #expect(layout.buckets.flatMap { $0 } == Array(0..<layout.trainedCount))
      #expect(layout.segments.flatMap { $0.range } == Array(0..<layout.trainedCount))
      #expect(layout.segments.flatMap { $0.buckets } == Array(layout.buckets.indices))
      #expect(layout.parameters.flatMap { $0.range } == Array(0..<layout.count))
      for segment in layout.segments {
        let buckets = layout.buckets[segment.buckets]
        #expect(buckets.first?.lowerBound == segment.range.lowerBound)
        #expect(buckets.last?.upperBound == segment.range.upperBound)
      }
      // A parameter lies in one segment as a whole, or its gradient would lie in two places.
      for parameter in layout.parameters where parameter.spec.trains {
        let home = layout.segments.filter { $0.range.overlaps(parameter.range) }
        #expect(home.count == 1 && home.first?.range.clamped(to: parameter.range) == parameter.range)
      }
      ran += 1
    }
    #expect(ran == 300)
  }

  @Test func bucketsAreNoLargerThanAsked() {
    var draw = Draw(301)
    var ran = 0
    for _ in 0..<100 {
      let sizes = (0..<10).map { _ in 1 + draw.below(9000) }
      let asked = 1 + draw.below(6000)
      let layout = ParameterLayout(
        specs: sizes.enumerated().map { spec("p\($0.offset)", [$0.element]) }, bucketCount: asked)
      let largest = max(asked / ParameterLayout.grain, 1) * ParameterLayout.grain
      #expect(layout.buckets.allSatisfy { !$0.isEmpty && $0.count <= largest })
      ran += 1
    }
    #expect(ran == 100)
  }

  @Test func piecesAreThoseOfANaiveScan() {
    var draw = Draw(302)
    var ran = 0
    for _ in 0..<100 {
      let layout = random(&draw)
      for _ in 0..<20 {
        let start = draw.below(layout.count + 1)
        let range = start..<start + draw.below(layout.count - start + 1)
        let pieces = layout.pieces(of: range)
        let naive = layout.parameters.compactMap { parameter -> (String, Range<Int>)? in
          let places = parameter.range.filter(range.contains)
          guard let first = places.first, let last = places.last else { return nil }
          return (parameter.spec.name, first..<last + 1)
        }
        #expect(pieces.map(\.parameter.spec.name) == naive.map(\.0))
        #expect(pieces.map(\.range) == naive.map(\.1))
        ran += 1
      }
    }
    #expect(ran == 2000)
  }

  @Test func nothingTrainedHasNoBuckets() {
    let layout = ParameterLayout(specs: [spec("a", [3], trains: false)])
    #expect(layout.trainedCount == 0 && layout.count == 3)
    #expect(layout.buckets.isEmpty && layout.segments.isEmpty)
    #expect(ParameterLayout(specs: []).count == 0)
  }
}
