// Virtual tokens against PEFT, on every storage of the base: logits, loss, gradients of what is trained, five AdamW
// steps, and what a text is continued by.
import Adapters
import Base
import Checkpoints
import Datasets
import Foundation
import Generation
import Graph
import Kernels
import Models
import Objectives
import Recipes
import Tensors
import Testing
import Training

/// An adapter of Tests/Fixtures/prompts, with what PEFT computed with it.
private struct PromptCase {
  static let root = Fixtures.root + "/Tests/Fixtures/"
  static let names = try! FileManager.default.contentsOfDirectory(atPath: root + "prompts").sorted()
  static let storages: [(name: String, storage: FrozenStorage)] = [
    ("float32", .float32), ("bfloat16", .bfloat16), ("int8", .int8),
    ("nf4", .nf4(doubleQuantization: false)), ("nf4_nested", .nf4(doubleQuantization: true)),
  ]

  /// A scale that lies in the middle between two codes may get either, by the last bit of the mean.
  static func tolerance(_ storage: FrozenStorage) -> Double {
    storage == .nf4(doubleQuantization: true) ? 5e-3 : 1e-4
  }

  let folder: String
  let base: String
  let expected: JSON
  let tensors: SafetensorsFile

  init(_ name: String) throws {
    folder = Self.root + "prompts/" + name
    expected = try OpenFile.json(folder + "/expected.json")
    base = Self.root + "parity/" + (try #require(expected["base"]?.text))
    tensors = try SafetensorsFile(folder + "/expected.safetensors")
  }

  private func replica(
    _ description: ModelDescription, _ storage: FrozenStorage, reader: (Replica) throws -> any WeightReader
  ) throws -> Replica {
    let replica = Replica(
      description, objective: try objective(of: description), engine: try Engine(threads: 2),
      store: WeightStore(description, type: .float32, form: FrozenForm(projections: storage)))
    try replica.fill(from: try reader(replica))
    return replica
  }

  /// As `generate` and `evaluate` read the adapter.
  func read(_ storage: FrozenStorage) throws -> Replica {
    try replica(ModelDescription.stored(in: base, adapter: folder), storage) {
      try AdaptedWeights(
        $0.description, base: base, adapter: folder, storage: storage, engine: $0.engine)
    }
  }

  /// With the encoder, if there is one, as it is trained.
  func trained(_ storage: FrozenStorage) throws -> Replica {
    let description = try ModelDescription.stored(in: base).adapted(by: adapterMethod(in: folder))
    guard hasEncoder else { return try read(storage) }
    return try replica(description, storage) {
      GivenEncoder(
        layout: $0.store.layout, base: try FolderWeights(folder: base, description, layout: $0.store.layout),
        given: self)
    }
  }

  var hasEncoder: Bool { tensors.entry("parameter.prompt_encoder.embedding.weight") != nil }

  /// The name of a parameter in PEFT's adapter.
  static func name(_ parameter: String) -> String {
    parameter.hasPrefix("prompt_") ? parameter : "base_model." + parameter
  }

  func floats(_ name: String) throws -> [Float] {
    let count = try #require(tensors.entry(name)).count
    var values = [Float](repeating: 0, count: count)
    try values.withUnsafeMutableBufferPointer { try tensors.read(name, into: $0, range: 0..<count) }
    return values
  }

  func batch(_ virtual: VirtualPositions) throws -> Batch {
    let shape = try #require(tensors.entry("tokens")).shape
    let (rows, length) = (shape[0], shape[1] + virtual.rows)
    let given = try tensors.integers("tokens").map { Int32($0) }
    let blank = [Int32](repeating: 0, count: virtual.rows)
    let tokens = (0..<rows).flatMap { row -> [Int32] in blank + given[row * shape[1]..<(row + 1) * shape[1]] }
    let isLabelled = tensors.entry("labels") != nil
    let targets =
      isLabelled
      ? [Int32](repeating: Batch.noTarget, count: rows * length)
      : try tensors.integers("targets").map { Int32($0) }
    return Batch(
      rows: rows, length: length, tokens: tokens, targets: targets,
      positions: (0..<rows * length).map { Int32(virtual.keys + $0 % length) },
      numbers: isLabelled ? try tensors.integers("labels").map { Float($0) } : [],
      sampleIDs: (0..<rows).map { Int32($0) }, sequences: Array(0..<rows),
      targetCount: isLabelled ? rows : targets.filter { $0 >= 0 }.count)
  }

  func numbers(_ storage: String, _ key: String) throws -> [Double] {
    try #require(expected["storages"]?[storage]?[key]?.elements).map { try #require($0.double) }
  }
}

/// The parameters of an encoder, and of a head, where the adapter holds only what the encoder made.
private struct GivenEncoder: WeightReader {
  let layout: ParameterLayout
  let base: FolderWeights
  let given: PromptCase

  func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let spec = layout.parameters[parameter].spec
    guard spec.isOfAdapter else { return try base.read(parameter, elements, into: target) }
    try given.tensors.read("parameter." + PromptCase.name(spec.name), into: target, range: elements)
  }
}

@Suite struct PromptParityTests {
  @Test func allAreThere() { #expect(PromptCase.names.count == 18) }

  @Test(arguments: PromptCase.names) func logitsLossAndGradients(_ name: String) throws {
    let fixture = try PromptCase(name)
    var compared = 0
    for (label, storage) in PromptCase.storages {
      let tolerance = PromptCase.tolerance(storage)
      let replica = try fixture.trained(storage)
      let batch = try fixture.batch(replica.description.virtualPositions)
      let logits = try fixture.floats(label + ".logits")
      #expect(largestDifference(replica.logits(batch), logits) <= Float(tolerance), "\(label)")
      #expect(largestDifference(try fixture.read(storage).logits(batch), logits) <= Float(tolerance))
      let (loss, gradients) = gradient(of: replica, batch)
      let expected = try fixture.numbers(label, "losses")[0]
      #expect(abs(loss / expected - 1) <= tolerance / 10, "\(label)")
      let whole = norm(gradients)
      for parameter in replica.layout.parameters {
        let want = try fixture.floats("\(label).gradient.\(PromptCase.name(parameter.spec.name))")
        let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
        #expect(error <= tolerance * max(norm(want), 1e-3 * whole), "\(label): \(parameter.spec.name)")
        compared += 1
      }
    }
    #expect(compared >= 5)
  }

  @Test(arguments: PromptCase.names) func fiveSteps(_ name: String) throws {
    let fixture = try PromptCase(name)
    for (label, storage) in PromptCase.storages {
      let steps = ReferenceSteps(
        losses: try fixture.numbers(label, "losses"), norms: try fixture.numbers(label, "gradient_norms"),
        learningRate: try #require(fixture.expected["learning_rate"]?.double),
        tolerance: PromptCase.tolerance(storage), decays: { _ in true })
      #expect(steps.losses.count == 5)
      let replica = try fixture.trained(storage)
      let batch = try fixture.batch(replica.description.virtualPositions)
      steps.check(replica, label) { _ in batch }
    }
  }

  /// Models and tasks that have no place for them, and a prefix that is not before a decoder's text.
  @Test func whatHasNoPlaceForThemIsRefused() throws {
    func refusal(_ base: String, _ name: String) -> String {
      let top = Section(.object(["method": .string(name)]), file: nil, code: .usage, problems: Problems())
      let method = MethodRecipe(top).method
      do {
        _ = try ModelDescription.stored(in: PromptCase.root + "parity/" + base).adapted(by: method)
        return ""
      } catch { return "\(error)" }
    }
    let kinds = ", and for classification and regression"
    for (base, name, words) in [
      ("t5", "prompt_tuning", "is for language models that read one text" + kinds),
      ("bart", "p_tuning", "is for language models that read one text" + kinds),
      ("bert-spans", "prompt_tuning", "is for language models that read one text" + kinds),
      ("bert-labels", "prefix_tuning", "is for language models that read one text"),
      ("gpt2-labels", "prefix_tuning", "is for language models that read one text"),
    ] {
      #expect(
        refusal(base, name)
          == "method: is \(name), which \(words) (method: lora goes with every task)", "\(base)")
    }
    #expect(
      refusal("opt-350m", "prompt_tuning")
        == "method: is prompt_tuning, and PEFT has none for models whose embeddings are narrower than their "
        + "layers (method: lora goes with every model)")
    #expect(refusal("opt-350m", "prefix_tuning") == "" && refusal("opt", "p_tuning") == "")
    #expect(refusal("bert-labels", "prompt_tuning") == "" && refusal("mistral", "prefix_tuning") == "")
  }

  /// The same alone, and in a batch with texts of other lengths.
  @Test(arguments: PromptCase.names.filter { !$0.contains("labels") })
  func textsAreContinuedAsByPEFT(_ name: String) throws {
    let fixture = try PromptCase(name)
    let replica = try fixture.read(.float32)
    let want = try fixture.tensors.integers("generated").map { Int32($0) }
    let tokens = try fixture.tensors.integers("tokens").map { Int32($0) }
    let prompts = [9, 2, 13, 5].map { Generator.Prompt(Array(tokens[..<$0]), sample: $0) }
    for batchSize in [1, 3] {
      var answers = [[Int32]](repeating: [], count: prompts.count)
      try replica.generator.run(prompts, batchSize: batchSize, maximum: 12, sampling: Sampling()) {
        answers[$0].append($1)
        return true
      }
      let got = answers[0]
      #expect(got == Array(want.prefix(got.count)))
      #expect(
        got.count == 12 || replica.description.endOfGeneration.contains(want[got.count]),
        "\(got.count) tokens")
    }
  }
}
