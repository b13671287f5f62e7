// A parameter with a factor of its own moves as it would at that learning rate, whatever the others do.
import Optimizers
import Tensors
import Testing

@Suite struct RateFactorTests {
  private static let rules: [any UpdateRule] = [
    AdamW(weightDecay: 0.1), SGD(momentum: 0.9, weightDecay: 0.1), SGD(), Lion(weightDecay: 0.5),
    Adafactor(weightDecay: 0.5), AdamW8bit(AdamW(weightDecay: 0.5)),
  ]

  private func run(_ rule: any UpdateRule, factor: Double, rate: Double) throws -> (
    slow: [Float], fast: [Float]
  ) {
    let specs = [
      ParameterSpec(name: "slow", shape: [72, 64], decays: true, initial: .zeros),
      ParameterSpec(name: "fast", shape: [9, 600], decays: true, initial: .zeros, rateFactor: factor),
      ParameterSpec(name: "vector", shape: [70], decays: false, initial: .zeros, rateFactor: factor),
    ]
    let run = try RuleRun(specs, rule, slices: 3, threads: 2)
    for spec in specs {
      try run.set(run.weights, spec.name, (0..<spec.count).map { Float($0 % 7) / 7 - 0.4 })
    }
    for step in 0..<3 {
      for spec in specs {
        try run.set(run.gradients, spec.name, (0..<spec.count).map { Float(($0 * 5 + step) % 11) / 11 - 0.5 })
      }
      run.update(rate: rate, clip: 0)
    }
    return (try run.weights("slow"), try run.weights("fast") + run.weights("vector"))
  }

  @Test func everyRuleHasIt() throws {
    var ran = 0
    for rule in Self.rules {
      // Powers of two, so that factor times rate is exact.
      let mixed = try run(rule, factor: 4, rate: 0.0078125)
      let slow = try run(rule, factor: 1, rate: 0.0078125)
      let fast = try run(rule, factor: 1, rate: 0.03125)
      #expect(mixed.slow == slow.slow && mixed.fast == fast.fast, "\(rule)")
      #expect(slow.fast != fast.fast, "\(rule)")
      ran += 1
    }
    #expect(ran == 6)
  }

  /// A decay of its own is that of a rule with this decay, for matrices and for vectors, which otherwise have none.
  @Test func everyRuleHasDecaysOfTheirOwn() throws {
    func rules(_ decay: Double) -> [any UpdateRule] {
      [
        AdamW(weightDecay: decay), SGD(momentum: 0.9, weightDecay: decay), SGD(weightDecay: decay),
        Lion(weightDecay: decay), Adafactor(weightDecay: decay), AdamW8bit(AdamW(weightDecay: decay)),
      ]
    }
    func run(_ rule: any UpdateRule, own: Double?, decays: Bool) throws -> [[Float]] {
      let specs = [
        ParameterSpec(name: "matrix", shape: [72, 64], decays: decays, initial: .zeros, weightDecay: own),
        ParameterSpec(name: "vector", shape: [70], decays: decays, initial: .zeros, weightDecay: own),
      ]
      let run = try RuleRun(specs, rule, slices: 3, threads: 2)
      for spec in specs {
        try run.set(run.weights, spec.name, (0..<spec.count).map { Float($0 % 7) / 7 - 0.4 })
        try run.set(run.gradients, spec.name, (0..<spec.count).map { Float($0 * 5 % 11) / 11 - 0.5 })
      }
      for _ in 0..<3 { run.update(rate: 0.01, clip: 0) }
      return [try run.weights("matrix"), try run.weights("vector")]
    }
    var ran = 0
    for (strong, none) in zip(rules(0.5), rules(0)) {
      let expected = try run(strong, own: nil, decays: true)
      #expect(try run(none, own: 0.5, decays: true) == expected, "\(none)")
      #expect(try run(none, own: 0.5, decays: false) == expected, "\(none)")
      let plain = try run(none, own: nil, decays: true)
      #expect(try run(strong, own: 0, decays: true) == plain && plain != expected, "\(none)")
      ran += 1
    }
    #expect(ran == 6)
  }
}
