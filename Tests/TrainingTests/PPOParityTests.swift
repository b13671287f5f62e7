// What PPO makes of rollouts beside the PPOTrainer of TRL 0.11: advantages, returns, losses, and slopes in log-probabilities
// and values.
import Base
import Foundation
import Graph
import Objectives
import Testing

@Suite struct PPOParityTests {
  private func numbers(_ json: JSON?) -> [Double] { json?.elements?.compactMap(\.double) ?? [] }

  @Test func equalsTRL() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../Fixtures/ppo.json"
    let fixture = try JSON.parse(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    let rewards = numbers(fixture["rewards"])
    let cases = try #require(fixture["cases"]?.elements)
    #expect(cases.count == 4 && rewards.count == 6)
    for expected in cases {
      let lengths = numbers(expected["lengths"]).map { Int($0) }
      let tokens = Double(lengths.reduce(0, +))
      func rows(_ json: JSON?) -> [[Double]] {
        (json?.elements ?? []).enumerated().map { Array(numbers($0.element).prefix(lengths[$0.offset])) }
      }
      let (old, reference) = (rows(fixture["old"]), rows(fixture["reference"]))
      let (values, now, predicted) = (
        rows(fixture["values"]), rows(fixture["now"]), rows(fixture["predicted"])
      )
      let settings = expected["settings"]
      let members =
        (settings?.members ?? []) + [
          JSON.Member(key: Array("rewards".utf8), value: .array([.string("exact_match")]))
        ]
      let section = Section(.object(members), file: nil, path: "task", code: .usage, problems: Problems())
      let task = PPO(section)
      section.refuseUnknownKeys(of: "a task")
      try section.problems.throwIfAny()
      let loss = task.form.loss(at: 1)
      let form = try #require(loss.values)
      let weight = try #require(task.divergenceControl).first
      let answers = lengths.indices.map { answer in
        ValuedAnswer(
          reward: rewards[answer], isWhole: true, old: old[answer].map { Float($0) },
          reference: weight > 0 ? reference[answer].map { Float($0) } : nil,
          values: values[answer].map { Float($0) })
      }
      let estimates = try #require(task.estimates(of: answers, divergenceWeight: weight))
      let (advantages, returns) = (rows(expected["advantages"]), rows(expected["returns"]))
      var (sum, valueSum, clipped, valuesClipped) = (0.0, 0.0, 0.0, 0.0)
      let (gradient, valueGradient) = (rows(expected["gradient"]), rows(expected["value_gradient"]))
      let name = settings?.encoded() ?? ""
      for answer in lengths.indices {
        for token in 0..<lengths[answer] {
          #expect(abs(estimates[answer].advantages[token] - advantages[answer][token]) < 1e-9, "\(name)")
          #expect(abs(estimates[answer].earned[token] - returns[answer][token]) < 1e-9, "\(name)")
        }
        var slopes = [Double](repeating: .nan, count: lengths[answer])
        let sums = slopes.withUnsafeMutableBufferPointer {
          loss(
            now[answer], old: old[answer], reference: nil, advantages: estimates[answer].advantages,
            divisor: 1, slopes: $0)
        }
        sum += sums.loss / tokens
        clipped += sums.clipped / tokens
        for token in 0..<lengths[answer] {
          #expect(abs(slopes[token] / tokens - gradient[answer][token]) < 1e-9, "\(name)")
          let value = form(
            predicted[answer][token], old: values[answer][token], earned: estimates[answer].earned[token])
          valueSum += value.loss / tokens
          if value.isClipped { valuesClipped += 1 / tokens }
          #expect(abs(value.slope / tokens - valueGradient[answer][token]) < 1e-9, "\(name)")
        }
      }
      func close(_ mine: Double, _ key: String) throws {
        let theirs = try #require(expected[key]?.double)
        #expect(abs(mine - theirs) < 1e-9, "\(name): \(key) \(mine)")
      }
      try close(sum + form.weight * valueSum, "loss")
      try close(valueSum, "value_loss")
      try close(clipped, "clipped")
      try close(valuesClipped, "values_clipped")
    }
  }

  /// The weight of the distance as TRL's AdaptiveKLController moves it.
  @Test func divergenceControl() {
    let control = DivergenceControl(first: 0.2, goal: 6, horizon: 1000)
    var weight = control.first
    // 0.2 · (1 + 0.2 · 0.1), then with an error of -0.1.
    weight = control.next(weight, distance: 60, answers: 100)
    #expect(abs(weight - 0.204) < 1e-12)
    weight = control.next(weight, distance: 5.4, answers: 100)
    #expect(abs(weight - 0.204 * 0.99) < 1e-12)
    #expect(DivergenceControl(first: 0.3, goal: nil, horizon: 1).next(0.3, distance: 9, answers: 5) == 0.3)
  }
}
