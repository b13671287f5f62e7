// Learning rates worked out by hand.
import Optimizers
import Testing

@Suite struct ScheduleTests {
  private func rates(_ schedule: Schedule, _ steps: [Int]) -> [Double] {
    steps.map { schedule.learningRate(step: $0) }
  }

  private func expectRates(
    _ schedule: Schedule, _ want: [Double], at location: SourceLocation = #_sourceLocation
  ) {
    let got = rates(schedule, Array(want.indices))
    #expect(zip(got, want).allSatisfy { abs($0 - $1) <= 1e-12 }, "\(got)", sourceLocation: location)
  }

  @Test func warmUpReachesThePeakAtItsLastStep() {
    var ran = 0
    for shape in Schedule.Shape.allCases {
      let schedule = Schedule(shape: shape, peak: 8, warmupSteps: 4, finalRatio: 0, steps: 10)
      #expect(rates(schedule, [0, 1, 2, 3, 4]) == [2, 4, 6, 8, 8])
      ran += 1
    }
    #expect(ran == 8)
  }

  @Test func constantStays() {
    expectRates(
      Schedule(shape: .constant, peak: 0.5, warmupSteps: 0, finalRatio: 0.1, steps: 3), [0.5, 0.5, 0.5, 0.5])
  }

  @Test func linearGoesDownToTheFinalRatio() {
    expectRates(
      Schedule(shape: .linear, peak: 10, warmupSteps: 0, finalRatio: 0, steps: 5), [10, 8, 6, 4, 2, 0])
    expectRates(
      Schedule(shape: .linear, peak: 10, warmupSteps: 1, finalRatio: 0.2, steps: 5),
      [10, 10, 8, 6, 4, 2, 2, 2])
  }

  @Test func cosineGoesDownToTheFinalRatio() {
    // cos 0, 60°, 90°, 120°, 180°.
    let schedule = Schedule(shape: .cosine, peak: 4, warmupSteps: 0, finalRatio: 0, steps: 6)
    let want = [(0, 4.0), (2, 3), (3, 2), (4, 1), (6, 0), (9, 0)]
    for (step, rate) in want { #expect(abs(schedule.learningRate(step: step) - rate) <= 1e-12) }
    let partial = Schedule(shape: .cosine, peak: 4, warmupSteps: 2, finalRatio: 0.5, steps: 8)
    for (step, rate) in [(0, 2.0), (1, 4), (2, 4), (4, 3.5), (5, 3), (6, 2.5), (8, 2)] {
      #expect(abs(partial.learningRate(step: step) - rate) <= 1e-12)
    }
  }

  @Test func oneStepAndNothingButWarmUp() {
    var ran = 0
    for shape in Schedule.Shape.allCases {
      let one = Schedule(shape: shape, peak: 3, warmupSteps: 0, finalRatio: 0.1, steps: 1)
      #expect(one.learningRate(step: 0) == 3)
      let warm = Schedule(shape: shape, peak: 3, warmupSteps: 1, finalRatio: 0.1, steps: 1)
      #expect(warm.learningRate(step: 0) == 3)
      let short = Schedule(shape: shape, peak: 3, warmupSteps: 6, finalRatio: 0.1, steps: 3)
      #expect(rates(short, [0, 1, 2]) == [0.5, 1, 1.5])
      ran += 1
    }
    #expect(ran == 8)
  }

  @Test func ratesNeverRiseAfterWarmUp() {
    var ran = 0
    for shape in Schedule.Shape.allCases where shape != .cosineRestarts {
      let schedule = Schedule(shape: shape, peak: 1, warmupSteps: 3, finalRatio: 0.05, steps: 50)
      let all = rates(schedule, Array(3..<60))
      #expect(zip(all, all.dropFirst()).allSatisfy { $0 >= $1 })
      #expect(all.allSatisfy { $0 >= 0.05 - 1e-12 && $0 <= 1 })
      ran += 1
    }
    #expect(ran == 7)
  }

  /// transformers' get_scheduler with a learning rate of 2 and 4 steps of warm-up of 20.
  @Test func othersAsTransformersHasThem() {
    func schedule(_ shape: Schedule.Shape, _ change: (inout Schedule.Details) -> Void = { _ in }) -> Schedule
    {
      var details = Schedule.Details()
      change(&details)
      return Schedule(shape: shape, peak: 2, warmupSteps: 4, finalRatio: 0, steps: 20, details: details)
    }
    let places = [4, 5, 8, 12, 16, 19]
    for (schedule, want) in [
      (schedule(.inverseRoot), [2.0, 1.788854382, 1.414213562, 1.154700538, 1.0, 0.917662935]),
      (schedule(.polynomial) { $0.power = 2 }, [2.0, 1.7578125, 1.125, 0.5, 0.125, 0.0078125]),
      (schedule(.cosineRestarts) { $0.cycles = 2 }, [2.0, 1.923879533, 1.0, 2.0, 1.0, 0.076120467]),
      (schedule(.stable) { $0.decaySteps = 8 }, [2.0, 2.0, 2.0, 2.0, 1.0, 0.076120467]),
    ] {
      let got = rates(schedule, places)
      #expect(zip(got, want).allSatisfy { abs($0 - $1) <= 1e-7 }, "\(schedule.shape): \(got)")
    }
  }
}
