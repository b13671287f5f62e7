// LoRA, AdaLoRA and IA3 on every storage of the base, against PEFT: logits, loss, every gradient, five AdamW steps.
import Adapters
import Base
import Checkpoints
import Datasets
import Foundation
import Graph
import Kernels
import Models
import Recipes
import Testing
import Training

/// An adapter of Tests/Fixtures/adapters, with what PEFT computed with it, or a case of Tests/Fixtures/last_layers, which
/// has all methods that train parameters of the model's own.
private struct AdapterCase {
  static let root = Fixtures.root + "/Tests/Fixtures/"
  static let names = try! FileManager.default.contentsOfDirectory(atPath: root + "adapters").sorted()
  static let storages: [(name: String, storage: FrozenStorage)] = [
    ("float32", .float32), ("bfloat16", .bfloat16), ("int8", .int8),
    ("nf4", .nf4(doubleQuantization: false)), ("nf4_nested", .nf4(doubleQuantization: true)),
  ]

  /// A scale that lies in the middle between two codes may get either, by the last bit of the mean; and so may what
  /// PiSSA leaves of a weight, whose last bit depends on the order of LAPACK's additions.
  func tolerance(_ storage: FrozenStorage) -> Double {
    let isPissa = folder.hasSuffix("pissa") && storage != .float32
    return storage == .nf4(doubleQuantization: true) || isPissa ? 5e-3 : 1e-4
  }

  let folder: String
  let base: String
  let expected: JSON
  let tensors: SafetensorsFile

  init(_ name: String, of kind: String = "adapters") throws {
    folder = Self.root + kind + "/" + name
    expected = try OpenFile.json(folder + "/expected.json")
    base = Self.root + "parity/" + (try #require(expected["base"]?.text))
    tensors = try SafetensorsFile(folder + "/expected.safetensors")
  }

  func replica(_ storage: FrozenStorage, loraPlusRatio: Double = 1) throws -> Replica {
    let description = try adapted(loraPlusRatio: loraPlusRatio)
    let engine = try Engine(threads: 2)
    let replica = Replica(
      description, engine: engine,
      store: WeightStore(description, type: .float32, form: FrozenForm(projections: storage)))
    try replica.fill(
      from: try AdaptedWeights(description, base: base, adapter: folder, storage: storage, engine: engine))
    return replica
  }

  private func adapted(loraPlusRatio: Double = 1) throws -> ModelDescription {
    var given = LoRA()
    given.loraPlusRatio = loraPlusRatio
    given.fa = folder.hasSuffix("-fa")
    let method = try adapterMethod(in: folder)
    return try ModelDescription.stored(in: base).adapted(by: method.trained(as: given))
  }

  /// A model without an adapter, into which it is merged.
  func merged(_ storage: FrozenStorage) throws -> Replica {
    let engine = try Engine(threads: 2)
    let weights = try MergedWeights(
      try adapted(), base: base, adapter: folder, storage: storage, engine: engine)
    let replica = Replica(weights.description, engine: engine)
    try replica.fill(from: weights)
    return replica
  }

  /// A model some of whose own parameters are trained.
  func partial(_ storage: FrozenStorage) throws -> Replica {
    let problems = Problems()
    let top = Section(expected, file: nil, code: .usage, problems: problems)
    let method = MethodRecipe(top).method
    let optimizer = OptimizerRecipe(top.section("optimizer"))
    try problems.throwIfAny()
    let description = try optimizer.grouped(ModelDescription.stored(in: base).adapted(by: method))
    let replica = Replica(
      description, engine: try Engine(threads: 2),
      store: WeightStore(description, type: .float32, form: FrozenForm(projections: storage)))
    try replica.fill(from: try FolderWeights(folder: base, description, layout: replica.store.layout))
    return replica
  }

  func floats(_ name: String) throws -> [Float] {
    let count = try #require(tensors.entry(name)).count
    var values = [Float](repeating: 0, count: count)
    try values.withUnsafeMutableBufferPointer { try tensors.read(name, into: $0, range: 0..<count) }
    return values
  }

  func batch() throws -> Batch {
    let shape = try #require(tensors.entry("tokens")).shape
    let (rows, length) = (shape[0], shape[1])
    let targets = try tensors.integers("targets").map { Int32($0) }
    return Batch(
      rows: rows, length: length, tokens: try tensors.integers("tokens").map { Int32($0) }, targets: targets,
      positions: (0..<rows * length).map { Int32($0 % length) }, sampleIDs: (0..<rows).map { Int32($0) },
      sequences: Array(0..<rows), targetCount: targets.filter { $0 >= 0 }.count)
  }

  func numbers(_ storage: String, _ key: String) throws -> [Double] {
    try #require(expected["storages"]?[storage]?[key]?.elements).map { try #require($0.double) }
  }
}

@Suite struct AdapterParityTests {
  @Test func allAreThere() { #expect(AdapterCase.names.count == 22 && AdapterCase.storages.count == 5) }

  @Test(arguments: AdapterCase.names) func logitsLossAndGradients(_ name: String) throws {
    let fixture = try AdapterCase(name)
    var compared = 0
    for (label, storage) in AdapterCase.storages {
      let tolerance = fixture.tolerance(storage)
      let replica = try fixture.replica(storage)
      let batch = try fixture.batch()
      let logits = try fixture.floats(label + ".logits")
      #expect(largestDifference(replica.logits(batch), logits) <= Float(tolerance), "\(label)")
      let merged = try fixture.merged(storage)
      #expect(largestDifference(merged.logits(batch), logits) <= Float(tolerance), "\(label), merged")
      let (loss, gradients) = gradient(of: replica, batch)
      let expected = try fixture.numbers(label, "losses")[0]
      #expect(abs(loss / expected - 1) <= tolerance / 10, "\(label)")
      for parameter in replica.layout.parameters {
        let want = try fixture.floats("\(label).gradient.base_model.model.\(parameter.spec.name)")
        let error = relativeError(Array(gradients[parameter.range]), want)
        #expect(error <= tolerance, "\(label): \(parameter.spec.name)")
        compared += 1
      }
    }
    #expect(compared >= 5 * 4)
  }

  @Test(arguments: AdapterCase.names) func fiveSteps(_ name: String) throws {
    let fixture = try AdapterCase(name)
    for (label, storage) in AdapterCase.storages {
      let steps = ReferenceSteps(
        losses: try fixture.numbers(label, "losses"), norms: try fixture.numbers(label, "gradient_norms"),
        learningRate: try #require(fixture.expected["learning_rate"]?.double),
        tolerance: fixture.tolerance(storage), decays: { _ in true })
      #expect(steps.losses.count == 5)
      try steps.check(try fixture.replica(storage), label) { _ in try fixture.batch() }
    }
  }

  /// Five steps of PEFT's `create_loraplus_optimizer`: B, and what has one dimension, learn four times as fast.
  @Test(arguments: AdapterCase.names.filter { !$0.hasSuffix("ia3") && !$0.hasSuffix("adalora") })
  func fiveStepsOfLoRAPlus(_ name: String) throws {
    let fixture = try AdapterCase(name)
    let steps = ReferenceSteps(
      losses: try fixture.numbers("loraplus", "losses"),
      norms: try fixture.numbers("loraplus", "gradient_norms"),
      learningRate: try #require(fixture.expected["learning_rate"]?.double) / 4, decays: { _ in true })
    #expect(steps.losses.count == 5)
    let replica = try fixture.replica(.float32, loraPlusRatio: 4)
    #expect(replica.layout.parameters.contains { $0.spec.rateFactor == 4 })
    try steps.check(replica) { _ in try fixture.batch() }
  }
}

/// Methods that train parameters of the model's own, against torch, and for norms against PEFT's LNTuning.
@Suite struct PartialParityTests {
  static let names = try! FileManager.default.contentsOfDirectory(atPath: AdapterCase.root + "last_layers")
    .sorted()

  @Test func allAreThere() { #expect(Self.names.count == 12) }

  @Test(arguments: names) func logitsGradientsAndFiveSteps(_ name: String) throws {
    let fixture = try AdapterCase(name, of: "last_layers")
    var compared = 0
    for (label, storage) in AdapterCase.storages {
      let tolerance = fixture.tolerance(storage)
      let replica = try fixture.partial(storage)
      let batch = try fixture.batch()
      let logits = try fixture.floats(label + ".logits")
      #expect(largestDifference(replica.logits(batch), logits) <= Float(tolerance), "\(label)")
      let (_, gradients) = gradient(of: replica, batch)
      for parameter in replica.layout.parameters where parameter.spec.trains {
        let want = try fixture.floats("\(label).gradient.\(parameter.spec.name)")
        // A bias of keys moves all scores of a query alike: without rotation its gradient is nothing but rounding.
        let isRounding = name.hasPrefix("opt") && parameter.spec.name.hasSuffix("k_proj.bias")
        let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
        let size = max(norm(want), isRounding ? 1e-3 * norm(gradients) : 0)
        #expect(error <= tolerance * size, "\(label): \(parameter.spec.name)")
        compared += 1
      }
      let steps = ReferenceSteps(
        losses: try fixture.numbers(label, "losses"), norms: try fixture.numbers(label, "gradient_norms"),
        learningRate: try #require(fixture.expected["learning_rate"]?.double), tolerance: tolerance)
      #expect(steps.losses.count == 5)
      try steps.check(try fixture.partial(storage), label) { _ in try fixture.batch() }
    }
    #expect(compared == 5 * (try #require(fixture.expected["trained"]?.integer)))
  }
}

@Suite struct IA3DefaultTests {
  /// Where PEFT has no defaults for a type of model, swiftdp has some: they name modules that are there.
  @Test func everyFamilyHasThem() throws {
    let root = AdapterCase.root + "parity/"
    var types: Set<String> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: root).sorted() {
      guard FileManager.default.fileExists(atPath: root + name + "/config.json") else { continue }
      let model = try ModelDescription(folder: root + name)
      let vectors = try model.adapted(by: IA3()).parameters.filter(\.isAdded)
      let inputs = vectors.filter { $0.shape[0] == 1 }
      #expect(vectors.count > inputs.count, "\(name)")
      #expect(inputs.isEmpty == (model.typeName == "mt5"), "\(name)")
      #expect(vectors.allSatisfy { $0.trains && $0.shape.count == 2 && $0.name.hasSuffix(".ia3_l") })
      types.insert(model.typeName)
    }
    #expect(types == Set(modelFamilies.map { $0.modelType }))
  }
}
