// Muon and schedule-free AdamW against torch and schedulefree over twelve steps, moving averages, and plateaus of the
// loss. Tests/Fixtures/make_regularisation_fixtures.py computed the expected values.
import Base
import Checkpoints
import Foundation
import Kernels
import Optimizers
import Tensors
import Testing

@Suite struct RegularisationReferenceTests {
  private static let specs = [
    ParameterSpec(name: "matrix", shape: [72, 64], decays: true, initial: .zeros, isProjection: true),
    ParameterSpec(name: "small", shape: [9, 50], decays: true, initial: .zeros, isProjection: true),
    ParameterSpec(name: "vector", shape: [70], decays: false, initial: .zeros),
  ]

  private struct Case {
    let name: String
    let rule: any UpdateRule
    /// Of each step; nil for what the fixtures of other optimizers have.
    var rates: [Double]?
  }

  private static var cases: [Case] {
    let others = AdamW(beta2: 0.95, weightDecay: 0.5)
    func free(_ warmup: Int, power: Double) -> ScheduleFree {
      var rule = ScheduleFree(beta2: 0.99, weightDecay: 0.5, power: power)
      rule.warmupSteps = warmup
      return rule
    }
    return [
      Case(name: "muon", rule: Muon(momentum: 0.9, adjustment: .matchAdamW, others: others)),
      Case(
        name: "muon_original",
        rule: Muon(momentum: 0.9, nesterov: false, adjustment: .original, others: others)),
      Case(
        name: "schedule_free", rule: free(0, power: 0), rates: [Double](repeating: 0.05, count: 12)),
      Case(
        name: "schedule_free_warm", rule: free(5, power: 0.5),
        rates: (1...12).map { 0.05 * min(1, Double($0) / 5) }),
    ]
  }

  private func run(_ test: Case, slices: Int, threads: Int) throws -> RuleRun {
    let run = try RuleRun(Self.specs, test.rule, slices: slices, threads: threads)
    for (number, spec) in Self.specs.enumerated() {
      try run.set(run.weights, spec.name, GivenGradients.values(0, number, spec))
    }
    for step in 1...12 {
      for (number, spec) in Self.specs.enumerated() {
        try run.set(run.gradients, spec.name, GivenGradients.values(step, number, spec))
      }
      run.update(rate: test.rates?[step - 1] ?? 0.01 * (1 - Double(step - 1) / 24), clip: 1)
    }
    return run
  }

  private func expected(_ file: SafetensorsFile, _ name: String) throws -> [Float] {
    let entry = try #require(file.entry(name), "\(name)")
    var values = [Float](repeating: .nan, count: entry.count)
    try values.withUnsafeMutableBufferPointer { try file.read(name, into: $0, range: 0..<entry.count) }
    return values
  }

  @Test func optimizersAreTheirReferences() throws {
    let file = try SafetensorsFile(Fixtures.root + "/Tests/Fixtures/regularisation.safetensors")
    var compared = 0
    for test in Self.cases {
      let run = try run(test, slices: 3, threads: 2)
      for spec in Self.specs {
        // The iteration enlarges rounding where singular values are small.
        let tolerance: Float = test.name.hasPrefix("muon") ? 2e-5 : 2e-6
        let want = try expected(file, "\(test.name).weights.\(spec.name)")
        let got = try run.weights(spec.name)
        let error = largestDifference(got, want)
        #expect(error <= tolerance, "\(test.name) \(spec.name): \(error)")
        compared += 1
        for state in ["point", "average"] where test.rule is ScheduleFree {
          let want = try expected(file, "\(test.name).\(state).\(spec.name)")
          let error = largestDifference(try run.state(state, spec.name, as: Float.self), want)
          #expect(error <= tolerance, "\(test.name) \(state) of \(spec.name): \(error)")
          compared += 1
        }
      }
    }
    #expect(compared == 4 * 3 + 2 * 2 * 3)
  }

  @Test func anyCutAndAnyThreadsGiveTheSameBits() throws {
    var compared = 0
    for test in Self.cases + [Case(name: "ema", rule: AveragedRule(AdamW(), decay: 0.9, warmsUp: true))] {
      let whole = try run(test, slices: 1, threads: 1).bits
      for (slices, threads) in [(1, 3), (2, 1), (4, 2)] {
        let isSame = try run(test, slices: slices, threads: threads).bits == whole
        #expect(isSame, "\(test.name), \(slices) slices, \(threads) threads")
        compared += 1
      }
    }
    #expect(compared == 15)
  }

  /// A matrix of any form comes near the orthogonal one of the same singular vectors.
  @Test(arguments: [(40, 24), (24, 40), (32, 32), (1, 50)]) func isOrthogonal(rows: Int, columns: Int) throws
  {
    let engine = try Engine(threads: 2)
    let spec = ParameterSpec(name: "m", shape: [rows, columns], decays: true, initial: .zeros)
    let room = FlatMemory(count: rows * columns, label: "matrix")
    room.base.update(from: GivenGradients.values(0, 0, spec), count: rows * columns)
    NewtonSchulz(steps: 12).orthogonalise(room.base, rows: rows, columns: columns, engine)
    let side = min(rows, columns)
    // The squares of all singular values lie between 0.6 and 1.5, and so does their mean: that of the diagonal.
    let squares = (0..<rows * columns).reduce(0.0) { $0 + Double(room.base[$1]) * Double(room.base[$1]) }
    #expect(squares / Double(side) > 0.4 && squares / Double(side) < 1.5, "\(squares / Double(side))")
  }

  @Test func plateausAreTorchs() throws {
    let text = try String(
      contentsOfFile: Fixtures.root + "/Tests/Fixtures/regularisation.json", encoding: .utf8)
    let cases = try #require(try JSON.parse(text)["plateaus"]?.elements)
    #expect(cases.count == 3)
    for test in cases {
      let given = try #require(test["settings"])
      var settings = Plateau.Settings()
      settings.factor = try #require(given["factor"]?.double)
      settings.patience = try #require(given["patience"]?.integer)
      settings.threshold = try #require(given["threshold"]?.double)
      settings.cooldown = try #require(given["cooldown"]?.integer)
      settings.lowest = try #require(given["min_lr"]?.double) / 0.4
      var plateau = Plateau(settings, peak: 0.4)
      let losses = try #require(test["losses"]?.elements).compactMap(\.double)
      let rates = try #require(test["rates"]?.elements).compactMap(\.double)
      #expect(losses.count == 40 && rates.count == 40)
      var changes = 0
      for (place, loss) in losses.enumerated() {
        // As after a resume.
        var other = Plateau(settings, peak: 0.4)
        let isRestored = other.restore(try JSON.parse(plateau.json.encoded()))
        #expect(isRestored)
        plateau = other
        plateau.note(loss)
        #expect(abs(0.4 * plateau.factor - rates[place]) <= 1e-12, "measurement \(place)")
        if place > 0, rates[place] != rates[place - 1] { changes += 1 }
      }
      #expect(changes >= 2)
    }
    var plateau = Plateau(Plateau.Settings(), peak: 1)
    let isRestored = plateau.restore(
      .object(["factor": .number(2), "bad": .integer(0), "cooling": .integer(0)]))
    #expect(!isRestored)
  }
}

/// Numbers of −1…1 with 24 bits, as the scripts make them: weights at step 0, gradients behind it.
enum GivenGradients {
  static func values(_ step: Int, _ number: Int, _ spec: ParameterSpec) -> [Float] {
    uniform(step * 16 + number, spec.count).enumerated().map { index, value in
      guard step > 0 else { return value }
      let row = index / spec.shape.last!
      return row % 11 == 7 ? 0 : value * Float(pow(2, -Double(row * 5 % 17)))
    }
  }

  private static func uniform(_ stream: Int, _ count: Int) -> [Float] {
    (0..<count).map { index in
      var z = (UInt64(stream) << 32 + UInt64(index)) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      return Float(Double(z >> 40) / 0x1p23 - 1)
    }
  }
}
