// Bottleneck adapters against AdapterHub's `adapters`: folders that it wrote, and folders that swiftdp wrote and it has
// read; logits, loss, the gradient of everything that is trained, five AdamW steps.
import Adapters
import Base
import Checkpoints
import Datasets
import Foundation
import Kernels
import Models
import Objectives
import Testing
import Training

/// A folder of Tests/Fixtures/bottlenecks.
private struct BottleneckCase {
  static let root = Fixtures.root + "/Tests/Fixtures/bottlenecks/"
  static let names = try! FileManager.default.contentsOfDirectory(atPath: root).sorted()
  static let storages: [(name: String, storage: FrozenStorage)] = [
    ("float32", .float32), ("bfloat16", .bfloat16), ("int8", .int8),
    ("nf4", .nf4(doubleQuantization: false)), ("nf4_nested", .nf4(doubleQuantization: true)),
  ]

  let folder: String
  let base: ParityCase
  let expected: JSON
  let tensors: SafetensorsFile

  init(_ name: String) throws {
    folder = Self.root + name
    expected = try OpenFile.json(folder + "/expected.json")
    base = try ParityCase(try #require(expected["base"]?.text))
    tensors = try SafetensorsFile(folder + "/expected.safetensors")
  }

  /// Those that the fixture has numbers for.
  var storages: [(name: String, storage: FrozenStorage)] {
    Self.storages.filter { expected["storages"]?[$0.name] != nil }
  }

  /// Whether the model reads sources, whose own tests have the same tolerances.
  var readsSource: Bool { base.tensors.entry("source.tokens") != nil }

  /// A scale that lies in the middle between two codes may get either, by the last bit of the mean.
  func tolerance(_ storage: FrozenStorage) -> Double {
    storage == .nf4(doubleQuantization: true) ? 5e-3 : readsSource ? 3e-4 : 1e-4
  }

  func replica(_ storage: FrozenStorage) throws -> Replica {
    let description = try ModelDescription.stored(in: base.model, adapter: folder)
    let engine = try Engine(threads: 2)
    let objective: any Objective =
      description.head == .languageModel ? try objective(of: description) : HeadAlone(description.head)
    let replica = Replica(
      description, objective: objective, engine: engine,
      store: WeightStore(description, type: .float32, form: FrozenForm(projections: storage)))
    try replica.fill(
      from: try AdaptedWeights(
        description, base: base.model, adapter: folder, storage: storage, engine: engine))
    return replica
  }

  func batch() throws -> Batch {
    if readsSource { return try SourceParityTests().batch(base) }
    return try base.tensors.entry("lengths") == nil ? base.batch() : HeadParityTests().batch(base)
  }

  func floats(_ name: String) throws -> [Float] {
    let count = try #require(tensors.entry(name)).count
    var values = [Float](repeating: 0, count: count)
    try values.withUnsafeMutableBufferPointer { try tensors.read(name, into: $0, range: 0..<count) }
    return values
  }

  func numbers(_ storage: String, _ key: String) throws -> [Double] {
    try #require(expected["storages"]?[storage]?[key]?.elements).map { try #require($0.double) }
  }
}

@Suite struct BottleneckParityTests {
  @Test func allAreThere() throws {
    #expect(BottleneckCase.names.count == 24)
    #expect(BottleneckCase.names.filter { $0.hasPrefix("swiftdp") }.count == 2)
    #expect(try BottleneckCase.names.reduce(0) { $0 + (try BottleneckCase($1)).storages.count } == 24 + 4 * 4)
  }

  @Test(arguments: BottleneckCase.names) func logitsLossAndGradients(_ name: String) throws {
    let fixture = try BottleneckCase(name)
    var compared = 0
    for (label, storage) in fixture.storages {
      let tolerance = fixture.tolerance(storage)
      let replica = try fixture.replica(storage)
      let batch = try fixture.batch()
      let logits = try fixture.floats(label + ".logits")
      let own = replica.logits(batch)
      let isOfTokens = own.count > batch.rows * batch.length && !batch.lengths.isEmpty
      let width = isOfTokens ? own.count / (batch.rows * batch.length) : own.count / max(batch.rows, 1)
      // What stands where there is padding is of no use.
      func known(_ logits: [Float]) -> [Float] {
        guard isOfTokens else { return logits }
        return (0..<batch.rows).flatMap { row -> ArraySlice<Float> in
          let first = row * batch.length
          return logits[first * width..<(first + Int(batch.lengths[row])) * width]
        }
      }
      #expect(own.count == logits.count)
      let scale = logits.reduce(1) { max($0, abs($1)) }
      #expect(largestDifference(known(own), known(logits)) <= Float(tolerance) * scale, "\(label)")
      let (loss, gradients) = gradient(of: replica, batch)
      let expected = try fixture.numbers(label, "losses")[0]
      #expect(abs(loss / expected - 1) <= tolerance / 10, "\(label)")
      let whole = norm(gradients)
      for parameter in replica.layout.parameters where parameter.spec.trains {
        let want = try fixture.floats("\(label).gradient.\(parameter.spec.name)")
        let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
        #expect(error <= tolerance * max(norm(want), 1e-2 * whole), "\(label): \(parameter.spec.name)")
        compared += 1
      }
    }
    #expect(compared == fixture.storages.count * (try #require(fixture.expected["trained"]?.integer)))
  }

  @Test(arguments: BottleneckCase.names) func fiveSteps(_ name: String) throws {
    let fixture = try BottleneckCase(name)
    for (label, storage) in fixture.storages {
      let steps = ReferenceSteps(
        losses: try fixture.numbers(label, "losses"), norms: try fixture.numbers(label, "gradient_norms"),
        learningRate: try #require(fixture.expected["learning_rate"]?.double),
        tolerance: fixture.readsSource ? 1e-3 : fixture.tolerance(storage), decays: { _ in true })
      #expect(steps.losses.count == 5)
      try steps.check(try fixture.replica(storage), label) { _ in try fixture.batch() }
    }
  }

  /// The projection onto the vocabulary that `adapters` saves beside an adapter is the base's, or is refused.
  @Test func anotherHeadIsRefused() throws {
    let fixture = try BottleneckCase("mistral-pfeiffer")
    let folder = FileManager.default.temporaryDirectory.path + "/swiftdp-head-" + UUID().uuidString
    try FileManager.default.copyItem(atPath: fixture.folder, toPath: folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = URL(fileURLWithPath: folder + "/model_head.safetensors")
    let description = try ModelDescription.stored(in: fixture.base.model, adapter: folder)
    func read() throws {
      _ = try AdaptedWeights(
        description, base: fixture.base.model, adapter: folder, engine: try Engine(threads: 1))
    }
    try read()
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 2] ^= 1
    try bytes.write(to: file)
    let error = #expect(throws: UserError.self) { try read() }
    #expect(
      error?.description
        == "\(folder): lm_head.weight: differs from the base's, and trained projections onto "
        + "the vocabulary are not supported")
  }

  /// Every family has places for bottlenecks, in every layer two or, where a decoder reads a source, three.
  @Test func everyFamilyHasPlaces() throws {
    let root = Fixtures.root + "/Tests/Fixtures/parity/"
    var types: Set<String> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: root).sorted() {
      guard FileManager.default.fileExists(atPath: root + name + "/config.json") else { continue }
      let model = AdaptedModel(try ModelDescription(folder: root + name))
      let layers = try #require(model.parts.map(\.layer).max()) + 1
      #expect(Set(model.parts.map(\.layer)) == Set(0..<layers), "\(name)")
      #expect(model.parts.filter { $0.kind == .attention }.count == layers, "\(name)")
      #expect(model.parts.filter { $0.kind == .feedForward }.count == layers, "\(name)")
      #expect(Set(model.parts.map(\.module)).count == model.parts.count, "\(name)")
      types.insert(model.typeName)
    }
    #expect(types == Set(modelFamilies.map { $0.modelType }))
  }
}
