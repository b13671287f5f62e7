// Shares of sources that change as a run goes on, as a function of the sample alone.
import Base
import Datasets
import Testing

@Suite struct SourceScheduleTests {
  /// The sources of the first samples, and whether each gave its samples one after the other.
  private func sources(_ schedule: SourceSchedule, _ count: Int, of sources: Int) -> (
    list: [Int], inOrder: Bool
  ) {
    var given = [Int](repeating: 0, count: sources)
    var inOrder = true
    let list = (0..<count).map { sample in
      let (source, place) = schedule.source(of: sample)
      inOrder = inOrder && place == given[source]
      given[source] += 1
      return source
    }
    return (list, inOrder)
  }

  /// A source that has been seen as often as it may leaves its share to the others.
  @Test func epochsLimitASource() {
    let schedule = SourceSchedule(
      .mixed, weights: [1, 1, 2], samples: [4, 10, 100], epochs: [2, 1.5, nil], runLength: 0)
    let (list, inOrder) = sources(schedule, 400, of: 3)
    #expect(inOrder && schedule.end == nil)
    #expect(list.count { $0 == 0 } == 8)
    #expect(list.count { $0 == 1 } == 15)
    // While all are there, half of the samples are the third's.
    #expect(abs(list.prefix(30).count { $0 == 2 } - 15) <= 1)
    #expect(list.suffix(300).allSatisfy { $0 == 2 })
    let bounded = SourceSchedule(
      .mixed, weights: [3, 1], samples: [5, 7], epochs: [1, 2], runLength: 0)
    #expect(bounded.end == 19 && bounded.epoch == 19)
    let all = sources(bounded, 19, of: 2)
    #expect(all.inOrder && all.list.count { $0 == 0 } == 5 && all.list.count { $0 == 1 } == 14)
  }

  @Test func oneAfterAnother() {
    let schedule = SourceSchedule(
      .sequential, weights: [1, 5, 1], samples: [3, 4, 2], epochs: [nil, 0.5, nil], runLength: 0)
    let (list, inOrder) = sources(schedule, 12, of: 3)
    #expect(list == [0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2] && inOrder)
    #expect(schedule.epoch == 7 && schedule.end == nil)
    let bounded = SourceSchedule(
      .sequential, weights: [1, 1], samples: [3, 4], epochs: [2, 1], runLength: 0)
    #expect(bounded.end == 10)
  }

  /// From the first source alone to the last alone.
  @Test func gradually() {
    for sources in 1...4 {
      let schedule = SourceSchedule(
        .gradual, weights: [Double](repeating: 1, count: sources),
        samples: [Int](repeating: 50, count: sources), epochs: [Double?](repeating: nil, count: sources),
        runLength: 6400)
      let (list, inOrder) = self.sources(schedule, 6400, of: sources)
      #expect(inOrder)
      #expect(list.prefix(40).count { $0 == 0 } >= 38)
      #expect(list.suffix(40).count { $0 == sources - 1 } >= 38)
      guard sources > 1 else { continue }
      // The middle of the way from the first to the second has as much of both.
      let middle = 3200 / (sources - 1)
      let part = list[middle - 200..<middle + 200]
      #expect(abs(part.count { $0 == 0 } - part.count { $0 == 1 }) < 20)
      let share = Double(list.count { $0 == 0 }) / 6400
      #expect(abs(share - 0.5 / Double(sources - 1)) < 0.02)
    }
    // A run that is shorter than the phases.
    let short = SourceSchedule(
      .gradual, weights: [1, 1], samples: [9, 9], epochs: [nil, nil], runLength: 3)
    #expect((0..<3).map { short.source(of: $0).source }.first == 0)
    #expect(short.source(of: 2).source == 1)
  }

  /// A changed schedule would silently change every run with one.
  @Test func theScheduleIsFixed() {
    let schedule = SourceSchedule(
      .gradual, weights: [2, 1], samples: [10, 10], epochs: [nil, nil], runLength: 16)
    #expect(
      (0..<16).map { schedule.source(of: $0).source } == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
  }
}
