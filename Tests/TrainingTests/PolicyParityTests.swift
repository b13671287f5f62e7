// The losses of policies and their slopes beside TRL's, on the log-probabilities of fixed answers; and the advantages of
// fixed rewards.
import Base
import Foundation
import Graph
import Objectives
import Testing

@Suite struct PolicyParityTests {
  private let fixture: JSON

  init() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../Fixtures/policies.json"
    fixture = try JSON.parse(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
  }

  private func numbers(_ json: JSON?) -> [Double] { json?.elements?.compactMap(\.double) ?? [] }
  private func rows(_ json: JSON?) -> [[Double]] { json?.elements?.map { numbers($0) } ?? [] }

  private func task(_ json: JSON, limit: Int) throws -> any PolicyTask {
    let names = [
      "epsilon_low": "epsilon", "epsilon_high": "epsilon_high", "loss_type": "loss_type", "beta": "beta",
      "delta": "delta", "importance_sampling_level": "importance_sampling_level",
      "use_bias_correction_kl": "use_bias_correction_kl",
    ]
    var members = (json.members ?? []).compactMap { member in
      names[String(decoding: member.key, as: UTF8.self)].map {
        JSON.Member(key: Array($0.utf8), value: member.value)
      }
    }
    members.append(JSON.Member(key: Array("rewards".utf8), value: .array([.string("exact_match")])))
    members.append(JSON.Member(key: Array("max_completion_length".utf8), value: .integer(limit)))
    let isOfAnswers = json["task"]?.text == "rloo"
    if isOfAnswers { members.append(JSON.Member(key: Array("beta".utf8), value: .number(0))) }
    let section = Section(.object(members), file: nil, path: "task", code: .usage, problems: Problems())
    let task: any PolicyTask = isOfAnswers ? RLOO(section) : GRPO(section)
    section.refuseUnknownKeys(of: "a task")
    try section.problems.throwIfAny()
    return task
  }

  @Test func lossesAndSlopesAreThoseOfTRL() throws {
    let limit = try #require(fixture["limit"]?.integer)
    let lengths = numbers(fixture["lengths"]).map { Int($0) }
    let (now, old, reference) = (rows(fixture["now"]), rows(fixture["old"]), rows(fixture["reference"]))
    let advantages = numbers(fixture["advantages"])
    let tokens = lengths.reduce(0, +)
    let cases = try #require(fixture["cases"]?.elements)
    #expect(cases.count == 21)
    for expected in cases {
      let task = try task(expected, limit: limit)
      let loss = task.form.loss(at: 1)
      var (sum, distance, clipped) = (0.0, 0.0, 0.0)
      var slopes: [[Double]] = []
      for answer in lengths.indices {
        func own(_ values: [[Double]]) -> [Double] { Array(values[answer].prefix(lengths[answer])) }
        let divisor = task.divisor(ofTokens: lengths[answer], answers: lengths.count)
        var found = [Double](repeating: .nan, count: lengths[answer])
        let sums = found.withUnsafeMutableBufferPointer {
          loss(
            own(now), old: expected["old"]?.bool == true ? own(old) : nil,
            reference: task.form.beta > 0 ? own(reference) : nil,
            advantages: [Double](repeating: advantages[answer], count: lengths[answer]),
            divisor: divisor > 0 ? divisor / Double(tokens) : 1, slopes: $0)
        }
        sum += sums.loss / Double(tokens)
        distance += sums.distance
        clipped += sums.clipped
        slopes.append(found.map { $0 / Double(tokens) })
      }
      let name = expected.encoded().prefix(120)
      let theirs = try #require(expected["loss"]?.double)
      #expect(abs(sum - theirs) < 1e-9, "\(name): \(sum)")
      for (mine, theirs) in zip(slopes, rows(expected["gradient"])) {
        for (token, slope) in mine.enumerated() { #expect(abs(slope - theirs[token]) < 1e-9, "\(name)") }
        #expect(theirs.dropFirst(mine.count).allSatisfy { $0 == 0 })
      }
      if expected["task"]?.text == "grpo", expected["importance_sampling_level"] == nil {
        let share = try #require(expected["clip_ratio"]?.double)
        #expect(abs(clipped / Double(tokens) - share) < 1e-9, "\(name)")
      }
      // TRL's has the ratio where the loss has it.
      if let kl = expected["kl"]?.double, expected["use_bias_correction_kl"]?.bool == false {
        #expect(abs(distance / Double(tokens) - kl) < 1e-9)
      }
    }
  }

  @Test func advantagesAreThoseOfTRL() throws {
    let (given, divergence) = (numbers(fixture["rewards"]), numbers(fixture["divergence"]))
    let tasks: [(String, String)] = [
      ("group", #"{"scale_rewards": "group"}"#), ("batch", #"{"scale_rewards": "batch"}"#),
      ("none", #"{"scale_rewards": "none"}"#), ("rloo", #"{"reward_clip_range": [-0.5, 1.5]}"#),
      ("rloo_normalized", #"{"reward_clip_range": [-0.5, 1.5], "normalize_advantages": true}"#),
    ]
    for (name, settings) in tasks {
      let members =
        (try JSON.parse(settings).members ?? []) + [
          JSON.Member(key: Array("num_generations".utf8), value: .integer(3)),
          JSON.Member(key: Array("rewards".utf8), value: .array([.string("exact_match")])),
        ]
      let section = Section(.object(members), file: nil, path: "task", code: .usage, problems: Problems())
      let task: any PolicyTask = name.hasPrefix("rloo") ? RLOO(section) : GRPO(section)
      try section.problems.throwIfAny()
      let found = task.advantages(of: given, divergence: name.hasPrefix("rloo") ? divergence : nil)
      let expected = numbers(fixture["expected"]?[name])
      #expect(expected.count == 9)
      for (mine, theirs) in zip(found, expected) { #expect(abs(mine - theirs) < 1e-9, "\(name)") }
    }
  }
}
