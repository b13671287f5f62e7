// Every model family against PyTorch and transformers: logits, loss, every gradient, twenty AdamW steps.
import Base
import Checkpoints
import Datasets
import Foundation
import Kernels
import Models
import Objectives
import Testing
import Training

/// A model of Tests/Fixtures/parity, and the results that PyTorch computed with it.
struct ParityCase {
  static let names = [
    "gpt2-tiny", "gpt2-odd", "gpt2-hub-f16", "llama-tiny", "llama-untied", "llama3-scaling", "llama-bias",
    "llama-bf16", "gpt2-own-head", "gpt2-head-only", "llama-own-head", "llama-head-only", "mistral", "qwen2",
    "qwen3", "gemma", "gemma2", "gemma3", "phi3", "gpt-neox", "gpt-neox-serial", "olmo2", "smollm3", "opt",
    "opt-350m",
  ]
  /// A real pretrained model, in the shared data.
  static let real = "stories260K"

  let model: String
  let expected: JSON
  let tensors: SafetensorsFile

  init(_ name: String) throws {
    let folder = Fixtures.root + "/Tests/Fixtures/parity/" + name
    model = name == Self.real ? Fixtures.shared("stories260K-hf") : folder
    expected = try OpenFile.json(folder + "/expected.json")
    tensors = try SafetensorsFile(folder + "/expected.safetensors")
  }

  func replica() throws -> Replica {
    let description = try ModelDescription.stored(in: model)
    let replica = Replica(
      description, objective: try objective(of: description), engine: try Engine(threads: 2))
    try replica.fill(from: try FolderWeights(folder: model, description, layout: replica.layout))
    return replica
  }

  func floats(_ name: String) throws -> [Float] {
    let count = try #require(tensors.entry(name)).count
    var values = [Float](repeating: 0, count: count)
    try values.withUnsafeMutableBufferPointer { try tensors.read(name, into: $0, range: 0..<count) }
    return values
  }

  /// A micro-batch of the fixture, or one of its four training batches.
  func batch(_ prefix: String = "", index: Int = 0) throws -> Batch {
    let shape = try #require(tensors.entry(prefix + "tokens")).shape.suffix(2)
    let (rows, length) = (shape.first!, shape.last!)
    let range = index * rows * length..<(index + 1) * rows * length
    let tokens = try tensors.integers(prefix + "tokens")[range].map { Int32($0) }
    let targets = try tensors.integers(prefix + "targets")[range].map { Int32($0) }
    return Batch(
      rows: rows, length: length, tokens: tokens, targets: targets,
      positions: (0..<rows * length).map { Int32($0 % length) },
      sampleIDs: (0..<rows).map { Int32($0) },
      sequences: Array(0..<rows), targetCount: targets.filter { $0 >= 0 }.count)
  }

  func numbers(_ key: String) throws -> [Double] {
    try #require(expected[key]?.elements).map { try #require($0.double) }
  }
}

@Suite struct ParityTests {
  @Test(arguments: ParityCase.names) func logits(_ name: String) throws { try checkLogits(name) }

  @Test(.enabled(if: Fixtures.hasShared, "needs ../shared/data")) func logitsOfARealModel() throws {
    try checkLogits(ParityCase.real)
  }

  @Test(arguments: ParityCase.names) func lossAndGradients(_ name: String) throws {
    try checkLossAndGradients(name)
  }

  @Test(.enabled(if: Fixtures.hasShared, "needs ../shared/data")) func lossAndGradientsOfARealModel() throws {
    try checkLossAndGradients(ParityCase.real)
  }

  private func checkLogits(_ name: String) throws {
    let fixture = try ParityCase(name)
    let replica = try fixture.replica()
    let logits = replica.logits(try fixture.batch())
    let expected = try fixture.floats("logits")
    #expect(logits.count == expected.count)
    let difference = largestDifference(logits, expected)
    #expect(difference <= 1e-4)
    ParityResults.record(.logits, of: replica.description, Double(difference))
  }

  private func checkLossAndGradients(_ name: String) throws {
    let fixture = try ParityCase(name)
    let replica = try fixture.replica()
    let batch = try fixture.batch()
    let (loss, gradients) = gradient(of: replica, batch)
    let expected = try #require(fixture.expected["loss"]?.double)
    #expect(abs(loss / expected - 1) <= 1e-5)
    ParityResults.record(.loss, of: replica.description, abs(loss / expected - 1))
    #expect(abs(replica.loss(batch) / Double(batch.targetCount) / expected - 1) <= 1e-5)

    var compared = 0
    let whole = norm(gradients)
    for parameter in replica.layout.parameters {
      guard
        let stored = replica.description.names(of: parameter.spec.name).map({ "gradient." + $0 })
          .first(where: { fixture.tensors.entry($0) != nil })
      else { continue }
      let want = try fixture.floats(stored)
      try #require(want.count == parameter.range.count)
      // A bias of keys moves all scores of a query alike, so that without rotation its gradient is nothing but rounding.
      let isRounding = name.hasPrefix("opt") && parameter.spec.name.hasSuffix("k_proj.bias")
      let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
      let size = max(norm(want), isRounding ? 1e-3 * whole : 0)
      #expect(error <= 1e-4 * size, "\(parameter.spec.name)")
      ParityResults.record(.gradients, of: replica.description, error / size)
      compared += 1
    }
    #expect(compared >= (name == ParityCase.real ? 3 : replica.layout.parameters.count))
  }

  @Test(arguments: ParityCase.names) func twentySteps(_ name: String) throws {
    let fixture = try ParityCase(name)
    let steps = ReferenceSteps(
      losses: try fixture.numbers("losses"), norms: try fixture.numbers("gradient_norms"),
      learningRate: try #require(fixture.expected["learning_rate"]?.double))
    #expect(steps.losses.count == 20)
    try steps.check(try fixture.replica()) { try fixture.batch("train.", index: $0 % 4) }
  }
}
