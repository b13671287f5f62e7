// The densities of optuna's estimators, what is drawn of them, and what a range test and a page say.
import Base
import Foundation
import Search
import Testing

@Suite struct ParzenTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().path

  private func range(_ test: JSON) throws -> SettingRange {
    let ends = try #require(test["range"]?.elements)
    let numbers = ends.compactMap(\.double)
    switch try #require(test["kind"]?.text) {
    case "uniform": return .uniform(numbers[0]...numbers[1])
    case "log": return .log(numbers[0]...numbers[1])
    case "int": return .int(Int(numbers[0])...Int(numbers[1]))
    default: return .choice(ends)
    }
  }

  @Test func densitiesAreOptunas() throws {
    let text = try String(contentsOfFile: Self.root + "/Fixtures/search.json", encoding: .utf8)
    let cases = try #require(try JSON.parse(text).elements)
    var compared = 0
    for test in cases {
      let range = try range(test)
      let estimator = ParzenEstimator(range, test["values"]?.elements ?? [])
      let wanted = try #require(test["log_densities"]?.elements).compactMap(\.double)
      for (point, want) in zip(test["points"]?.elements ?? [], wanted) {
        let got = estimator.logDensity(point, range)
        #expect(abs(got - want) <= 1e-9 * max(1, abs(want)), "\(test.encoded()): \(got) and not \(want)")
        compared += 1
      }
    }
    #expect(cases.count == 7 && compared == 23)
  }

  /// Half of what is drawn lies below the median, and nothing outside of the range.
  @Test func drawsFollowTheDensity() throws {
    let range = SettingRange.log(1e-5...1e-1)
    let values = [1e-4, 3e-3, 2e-4].map { JSON.number($0) }
    let estimator = ParzenEstimator(range, values)
    var stream = PhiloxStream(seed: 3, stream: 1)
    let draws = (0..<4000).compactMap { _ in estimator.draw(range, &stream).double }
    #expect(draws.count == 4000 && draws.allSatisfy { $0 >= 1e-5 && $0 <= 1e-1 })
    // The mass below 1e-3, by the trapezoidal rule.
    let steps = 4000
    let (low, high, middle) = (log(1e-5), log(1e-1), log(1e-3))
    var (below, all) = (0.0, 0.0)
    for step in 0..<steps {
      let x = low + (high - low) * (Double(step) + 0.5) / Double(steps)
      let density = exp(estimator.logDensity(.number(exp(x)), range))
      all += density
      if x < middle { below += density }
    }
    #expect(abs(all * (high - low) / Double(steps) - 1) < 1e-3)
    let share = Double(draws.count { $0 < 1e-3 }) / 4000
    // Four standard errors.
    #expect(abs(share - below / all) < 4 * 0.5 / 4000.0.squareRoot(), "\(share) and not \(below / all)")
  }

  /// The loss falls to step 60 and then rises without bound.
  @Test func rangeTest() throws {
    let lines = (0..<100).map { step in
      let loss = step < 60 ? 4 - 0.05 * Double(step) : 1 + pow(1.3, Double(step - 60))
      return
        #"{"step": \#(step + 1), "learning_rate": \#(1e-6 * pow(10, Double(step) / 16.5)), "loss": \#(loss)}"#
    }
    let test = try #require(RangeTest(metrics: lines.joined(separator: "\n")))
    // Behind the least loss, as it is smoothed.
    let best = 1e-6 * pow(10, 59 / 16.5)
    #expect(test.suggestion > best / 10 && test.suggestion < best * 10 / 10 * 3, "\(test.suggestion)")
    #expect(test.csv.split(separator: "\n").count < 100)
    #expect(RangeTest(metrics: #"{"step": 1, "learning_rate": 0.1, "loss": 1}"#) == nil)
    let rising = (0..<9).map { #"{"step": \#($0), "learning_rate": \#(pow(2, Double($0))), "loss": \#($0)}"# }
    #expect(RangeTest(metrics: rising.joined(separator: "\n")) == nil)
  }
}
