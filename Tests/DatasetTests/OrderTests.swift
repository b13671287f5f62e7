import Datasets
import Testing

@Suite struct OrderTests {
  @Test func everyEpochIsAPermutationOfItsOwn() {
    let order = SampleOrder(count: 100, seed: 3, shuffle: true)
    var seen: Set<[Int32]> = []
    for epoch in 0..<5 {
      let permutation = order.permutation(epoch: epoch)
      #expect(permutation.sorted() == Array(0..<100))
      #expect(permutation == order.permutation(epoch: epoch))
      seen.insert(permutation)
    }
    seen.insert(SampleOrder(count: 100, seed: 4, shuffle: true).permutation(epoch: 0))
    #expect(seen.count == 6)
    #expect(SampleOrder(count: 4, seed: 3, shuffle: false).permutation(epoch: 2) == [0, 1, 2, 3])
  }

  /// A changed order would silently change every run, so one order is written down here.
  @Test func theOrderIsFixed() {
    #expect(SampleOrder(count: 8, seed: 1, shuffle: true).permutation(epoch: 0) == [3, 5, 0, 6, 4, 2, 1, 7])
  }

  @Test func stepsRunOverTheEndOfAnEpoch() {
    var stream = BatchStream(count: 5, batchSize: 3, microBatchSize: 2, seed: 0, shuffle: false)
    let steps = (0..<5).map { stream.sequences(step: $0) }
    #expect(steps == [[0, 1, 2], [3, 4, 0], [1, 2, 3], [4, 0, 1], [2, 3, 4]])
    let (first, second) = (
      MicroBatch(sequences: [3, 4], firstSample: 0), MicroBatch(sequences: [0], firstSample: 2)
    )
    #expect(stream.microBatches(step: 1) == [first, second])
  }

  @Test func aBatchMayBeLargerThanTheData() {
    var stream = BatchStream(count: 2, batchSize: 5, microBatchSize: 5, seed: 0, shuffle: false)
    #expect(stream.sequences(step: 1) == [1, 0, 1, 0, 1])
  }

  @Test func everySequenceComesOnceAnEpoch() {
    var stream = BatchStream(count: 37, batchSize: 5, microBatchSize: 2, seed: 11, shuffle: true)
    let all = (0..<37).flatMap { stream.sequences(step: $0) }
    var epochs = 0
    for start in stride(from: 0, to: all.count, by: 37) {
      #expect(all[start..<start + 37].sorted() == Array(0..<37))
      epochs += 1
    }
    #expect(epochs == 5)
  }

  @Test func resumingGoesOnAtTheNextSequence() {
    var whole = BatchStream(count: 37, batchSize: 5, microBatchSize: 2, seed: 11, shuffle: true)
    let steps = (0..<30).map { whole.microBatches(step: $0) }
    var checked = 0
    for stop in [1, 7, 8, 22] {
      var resumed = BatchStream(count: 37, batchSize: 5, microBatchSize: 2, seed: 11, shuffle: true)
      #expect((stop..<30).map { resumed.microBatches(step: $0) } == Array(steps[stop...]))
      checked += 1
    }
    #expect(checked == 4)
    // Even the order in which steps are asked for does not matter.
    #expect((0..<30).reversed().map { whole.microBatches(step: $0) } == steps.reversed())
  }
}
