// Losses of preference tuning and of reward models, every gradient, what logs show and the first steps, against the trainers
// of TRL on tiny models.
import Base
import Checkpoints
import Datasets
import Foundation
import Kernels
import Models
import Objectives
import Testing
import Tokenizers
import Training

@Suite struct PreferenceParityTests {
  static let names = [
    "dpo", "smoothed", "normalised", "sft", "ipo", "hinge", "robust", "kto", "orpo", "simpo", "cpo", "reward",
    "margin",
  ]

  private static let root = Fixtures.root + "/Tests/Fixtures/preferences"

  private struct Case {
    let expected: JSON
    let objective: any Objective
    let policy: Replica
    let sequences: TokenSequences
    private let reference: Replica?

    /// - Parameter padding: the token that the model takes for padding; that of its config.json by default.
    init(_ name: String, padding: Int32? = nil) throws {
      let all = try OpenFile.json(Self.root + "/expected.json")
      expected = try #require(all["cases"]?[name])
      let task = try #require(expected["task"])
      let isReward = task["name"]?.text == RewardModel.name
      let folder = Self.root + (isReward ? "/reward" : "/policy")
      let file =
        Self.root + "/" + (["kto": "labelled", "margin": "margins"][name] ?? "pairs") + ".jsonl"
      let problems = Problems()
      let top = Section(.object(["task": task]), file: nil, code: .usage, problems: problems)
      var options = DataOptions(
        train: [file], format: .preference, packing: false,
        sequenceLength: isReward ? 32 : try #require(all["sequence_length"]?.integer), seed: 0)
      let asked = TaskRecipe(top).objective
      try problems.throwIfAny()
      objective = try asked.settled(by: options)
      objective.prepare(&options)
      let engine = try Engine(threads: 2)
      func replica(_ folder: String) throws -> Replica {
        let description = try ModelDescription.stored(in: folder, with: asked.head)
        #expect(description.newParameters.isEmpty)
        let replica = Replica(description, objective: asked, engine: engine)
        try replica.fill(from: try FolderWeights(folder: folder, description, layout: replica.layout))
        return replica
      }
      policy = try replica(folder)
      let description = policy.description
      sequences = try Dataset(
        options,
        encoder: DocumentEncoder(
          encoding: try Tokenizer(folder: folder), endOfText: description.endOfText.first,
          padding: padding ?? description.config["pad_token_id"]?.integer.map { Int32($0) })
      ).train
      reference = objective.reference == .none ? nil : try replica(Self.root + "/reference")
    }

    /// All rows, with what the reference and the step tell of them.
    func batch() throws -> Batch {
      var batch = sequences.batch(Self.all(sequences), mask: .none)
      if let reference {
        let given = Self.answers(reference, batch)
        batch.setAnswers(AnswerNumbers.reference) { Float(given[$0]) }
      }
      switch objective.stepNumber(of: [Self.all(sequences)], in: sequences, units: batch.targetCount) {
      case .none: break
      case .value(let value): batch.setAnswers(AnswerNumbers.ofStep) { _ in value }
      case .divergence(let others):
        let mismatched = others.batch(Self.all(others), mask: .none)
        let (own, given) = (
          Self.answers(policy, mismatched), Self.answers(try #require(reference), mismatched)
        )
        let divergence = zip(own, given).reduce(0) { $0 + $1.0 - $1.1 } / Double(own.count)
        batch.setAnswers(AnswerNumbers.ofStep) { _ in Float(max(divergence, 0)) }
      }
      return batch
    }

    private static var root: String { PreferenceParityTests.root }

    private static func all(_ sequences: TokenSequences) -> MicroBatch {
      MicroBatch(sequences: Array(0..<sequences.count), firstSample: 0)
    }

    private static func answers(_ replica: Replica, _ batch: Batch) -> [Double] {
      _ = replica.loss(batch)
      return replica.outputs
    }
  }

  @Test(arguments: names) func lossAndGradients(_ name: String) throws {
    let fixture = try Case(name)
    let tensors = try SafetensorsFile(Self.root + "/expected.safetensors")
    let (loss, gradients) = gradient(of: fixture.policy, try fixture.batch())
    let expected = try #require(fixture.expected["loss"]?.double)
    #expect(abs(loss / expected - 1) <= 1e-5, "\(loss) for \(expected)")
    let whole = norm(gradients)
    var compared = 0
    for parameter in fixture.policy.layout.parameters {
      let key = "\(name).\(parameter.spec.name)"
      let entry = try #require(tensors.entry(key), "\(key)")
      var want = [Float](repeating: 0, count: entry.count)
      try want.withUnsafeMutableBufferPointer { try tensors.read(key, into: $0, range: 0..<entry.count) }
      let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
      #expect(error <= 1e-5 * whole, "\(parameter.spec.name): \(error / whole)")
      compared += 1
    }
    #expect(compared >= 11)
  }

  /// What logs show has the names and the values of TRL's.
  @Test(arguments: names) func scalars(_ name: String) throws {
    let fixture = try Case(name)
    let batch = try fixture.batch()
    let loss = fixture.policy.loss(batch)
    let sums = LossSums(loss: loss, units: batch.targetCount, counts: fixture.policy.counts)
    let found = fixture.objective.scalars(ofStep: sums)
    let others = ["margin": "rewards/margins", "accuracy": "rewards/accuracies"]
    var compared = 0
    for (key, value) in (fixture.expected["scalars"]?.members ?? []).map({
      (String(decoding: $0.key, as: UTF8.self), $0.value.double)
    }) {
      let number = try #require(found.first { $0.name == others[key] ?? key }?.number, "\(key)")
      #expect(
        abs(number - (value ?? .nan)) <= 2e-5 * max(1, abs(number)), "\(key): \(number) for \(value ?? .nan)")
      compared += 1
    }
    #expect(compared >= 2 || name == "smoothed")
  }

  /// The tokens of a row, and which of them are its answer, as TRL's collators make them.
  @Test(arguments: ["dpo", "kto"]) func tokens(_ name: String) throws {
    let fixture = try Case(name)
    let tensors = try SafetensorsFile(Self.root + "/expected.safetensors")
    let shape = try #require(tensors.entry("\(name):tokens")).shape
    let (tokens, answers) = (
      try tensors.integers("\(name):tokens"), try tensors.integers("\(name):answers")
    )
    #expect(fixture.sequences.count == shape[0])
    for row in 0..<shape[0] {
      // TRL has the better answers first, and then the worse ones.
      let sequence = name == "dpo" ? 2 * (row % (shape[0] / 2)) + row / (shape[0] / 2) : row
      let range = fixture.sequences.tokenRange(of: sequence)
      let want = tokens[row * shape[1]..<(row + 1) * shape[1]].prefix(range.count)
      #expect(fixture.sequences.tokens[range].map { Int($0) } == want.map { Int($0) }, "row \(row)")
      let mask = range.map { fixture.sequences.lossMask[$0] }
      let wanted = answers[row * shape[1]..<(row + 1) * shape[1]]
      #expect(mask == wanted.prefix(range.count).map { $0 == 1 }, "row \(row)")
      #expect(wanted.dropFirst(range.count).allSatisfy { $0 == 0 })
    }
  }

  /// A score is what transformers gives, also where padding is the end of a text.
  @Test(arguments: [("rewards", nil), ("rewards_padded_by_end", 1)] as [(String, Int32?)])
  func rewards(_ key: String, _ padding: Int32?) throws {
    let fixture = try Case("reward", padding: padding)
    let want = (fixture.expected[key]?.elements ?? []).map { $0.double ?? .nan }
    _ = fixture.policy.loss(try fixture.batch())
    let found = fixture.policy.outputs
    #expect(found.count == want.count && found.count == 12)
    for (row, reward) in want.enumerated() {
      // transformers has the better answers first.
      let place = 2 * (row % 6) + row / 6
      #expect(abs(found[place] - reward) <= 1e-5, "row \(row)")
    }
  }

  @Test(arguments: ["dpo", "kto", "orpo", "reward"]) func fiveSteps(_ name: String) throws {
    let fixture = try Case(name)
    func numbers(_ key: String) throws -> [Double] {
      try #require(fixture.expected[key]?.elements).map { $0.double ?? .nan }
    }
    let steps = ReferenceSteps(
      losses: try numbers("losses"), norms: try numbers("norms"),
      learningRate: try #require(fixture.expected["learning_rate"]?.double))
    #expect(steps.losses.count == 5)
    try steps.check(fixture.policy, name) { _ in try fixture.batch() }
  }

  /// A first step whose loss is not that of a policy that is its own reference: sums over four pairs.
  @Test func aFirstStepThatCannotBeRight() throws {
    let problems = Problems()
    let top = Section(
      .object(["task": .string("preference")]), file: nil, code: .usage, problems: problems)
    let objective = TaskRecipe(top).objective
    func flaw(_ loss: Double) -> String? {
      let counts = [4, 4, 0, 0, -80, -80, 20, 20, 0, 0, 4 * loss, 0, 0]
      return objective.flaw(ofFirstStep: LossSums(loss: 4 * loss, units: 4, counts: counts), precision: 1e-4)
    }
    #expect(flaw(log(2)) == nil && flaw(log(2) + 1e-4) == nil)
    #expect(
      flaw(0.7)
        == "the loss of the first step is 0.700000, and that of a policy which is its own reference is 0.693147"
    )
    #expect(flaw(.nan) != nil)
    try problems.throwIfAny()
  }
}
