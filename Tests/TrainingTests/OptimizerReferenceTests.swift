// Every update rule against its reference over twelve steps, with decay and clipping: torch.optim's SGD and
// Adafactor, Lion's published program, bitsandbytes' quantisation. Tests/Fixtures/make_optimizer_fixtures.py computed
// the expected values.
import Checkpoints
import Foundation
import Kernels
import Optimizers
import Tensors
import Testing

@Suite struct OptimizerReferenceTests {
  private static let specs = [
    ParameterSpec(name: "matrix", shape: [72, 64], decays: true, initial: .zeros),
    ParameterSpec(name: "small", shape: [9, 50], decays: true, initial: .zeros),
    ParameterSpec(name: "vector", shape: [70], decays: false, initial: .zeros),
  ]

  private struct Case {
    let name: String
    let rule: any UpdateRule
    let rate: Double
    var clip = 1.0
    /// The tolerance for weights of size 1.
    var tolerance: Float = 2e-6
  }

  private static let cases = [
    Case(name: "sgd", rule: SGD(weightDecay: 0.1), rate: 0.5),
    Case(name: "sgd_momentum", rule: SGD(momentum: 0.9, weightDecay: 0.1), rate: 0.1),
    Case(name: "sgd_nesterov", rule: SGD(momentum: 0.8, nesterov: true, weightDecay: 0.1), rate: 0.1),
    Case(name: "lion", rule: Lion(weightDecay: 0.5), rate: 0.01),
    Case(name: "adafactor", rule: Adafactor(weightDecay: 0.5), rate: 0.01),
    Case(
      name: "adafactor_other",
      rule: Adafactor(
        beta2Decay: -0.5, epsilon1: 0.05, epsilon2: 0.3, clipThreshold: 2, weightDecay: 0.1),
      rate: 0.05, clip: 0),
    Case(
      name: "adamw8bit", rule: AdamW8bit(AdamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.5)),
      rate: 0.01),
  ]

  private static func values(_ step: Int, _ number: Int) -> [Float] {
    GivenGradients.values(step, number, specs[number])
  }

  private func run(_ test: Case, slices: Int, threads: Int) throws -> RuleRun {
    let run = try RuleRun(Self.specs, test.rule, slices: slices, threads: threads)
    for (number, spec) in Self.specs.enumerated() {
      try run.set(run.weights, spec.name, Self.values(0, number))
    }
    for step in 1...12 {
      for (number, spec) in Self.specs.enumerated() {
        try run.set(run.gradients, spec.name, Self.values(step, number))
      }
      run.update(rate: test.rate * (1 - Double(step - 1) / 24), clip: test.clip)
    }
    return run
  }

  private func expected(_ file: SafetensorsFile, _ name: String) throws -> [Float]? {
    guard let entry = file.entry(name) else { return nil }
    var values = [Float](repeating: .nan, count: entry.count)
    try values.withUnsafeMutableBufferPointer { try file.read(name, into: $0, range: 0..<entry.count) }
    return values
  }

  @Test func everyRuleIsItsReference() throws {
    let file = try SafetensorsFile(Fixtures.root + "/Tests/Fixtures/optimizers.safetensors")
    var (weights, states) = (0, 0)
    for test in Self.cases {
      let run = try run(test, slices: 1, threads: 1)
      let isRounded = test.name == "adamw8bit"
      for spec in Self.specs {
        let want = try #require(try expected(file, "\(test.name).weights.\(spec.name)"))
        let got = try run.weights(spec.name)
        if isRounded, spec.count >= 4096 {
          // A moment in the middle between two values may be rounded to the other one.
          #expect(largestDifference(got, want) <= 1e-3, "\(test.name) \(spec.name)")
          #expect(relativeError(got, want) <= 2e-6, "\(test.name) \(spec.name)")
        } else {
          #expect(largestDifference(got, want) <= test.tolerance, "\(test.name) \(spec.name)")
        }
        weights += 1
        for state in test.rule.states where !state.name.contains("_codes") && !state.name.contains("_scales")
        {
          guard state.covers(spec) else { continue }
          let want = try #require(try expected(file, "\(test.name).\(state.name).\(spec.name)"))
          let got = try run.state(state.name, spec.name, as: Float.self)
          // Second moments are as close as their own size allows: those of rows differ by factors of 2^32. In the
          // others, gradients cancel.
          let size = want.reduce(0) { max($0, abs($1)) }
          let least = state.name == "momentum" || state.name == "first_moment" ? 1e-6 * size : 0
          let near = zip(got, want).allSatisfy { abs($0 - $1) <= 1e-5 * abs($1) + least }
          #expect(got.count == want.count && near, "\(test.name) \(state.name) \(spec.name)")
          states += 1
        }
      }
    }
    #expect(weights == 7 * 3)
    #expect(states == 3 * 3 + 2 * 5 + 4)
  }

  /// The moments of the 8-bit matrix are the reference's values, except for ties.
  @Test func eightBitMomentsAreTheReference() throws {
    let file = try SafetensorsFile(Fixtures.root + "/Tests/Fixtures/optimizers.safetensors")
    let run = try run(#require(Self.cases.last), slices: 1, threads: 1)
    let range = try #require(run.layout["matrix"]).range
    // The reference's blocks begin with the parameter; so do ours where it begins at a multiple of 256.
    try #require(run.layout.phase(of: range.lowerBound) % 256 == 0)
    for (moment, map) in [("first_moment", DynamicMap.signed), ("second_moment", .unsigned)] {
      let codes = try run.state(moment + "_codes", "matrix", as: UInt8.self)
      let scales = try run.state(moment + "_scales", "matrix", as: Float.self)
      let want = try #require(try expected(file, "adamw8bit.\(moment).matrix"))
      #expect(codes.count == 4608 && scales.count == 18 && want.count == 4608)
      let same = codes.indices.count { index in
        let value = map.values[Int(codes[index])] * scales[index / 256]
        return abs(value - want[index]) <= 1e-5 * abs(want[index])
      }
      #expect(same >= 4600, "\(moment): \(same) of 4608")
    }
  }

  @Test func mapsAreThoseOfTheReference() throws {
    let file = try SafetensorsFile(Fixtures.root + "/Tests/Fixtures/optimizers.safetensors")
    for (name, map) in [("map.signed", DynamicMap.signed), ("map.unsigned", .unsigned)] {
      let want = try #require(try expected(file, name))
      let isSame = map.values == want
      #expect(isSame, "\(largestDifference(map.values, want))")
    }
  }

  @Test func anyCutAndAnyThreadsGiveTheSameBits() throws {
    var compared = 0
    for test in Self.cases {
      let whole = try run(test, slices: 1, threads: 1).bits
      for (slices, threads) in [(1, 3), (2, 1), (3, 2), (4, 1)] {
        let bits = try run(test, slices: slices, threads: threads).bits
        let isSame = bits == whole
        #expect(isSame, "\(test.name), \(slices) slices, \(threads) threads")
        compared += 1
      }
    }
    #expect(compared == 28)
  }
}
