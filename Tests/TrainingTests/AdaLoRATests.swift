// AdaLoRA's allocation of ranks against whole runs of PEFT's `update_and_allocate`: losses with the regularisation, norms,
// which singular values are left after each step, and the adapter that is left.
import Adapters
import Base
import Checkpoints
import Datasets
import Foundation
import Graph
import Kernels
import Models
import Optimizers
import Recipes
import Sharding
import Tensors
import Testing
import Training

/// A run of Tests/Fixtures/adalora.
private struct AllocationCase {
  let folder: String
  let base: String
  let expected: JSON
  let tensors: SafetensorsFile

  init(_ name: String) throws {
    folder = Fixtures.root + "/Tests/Fixtures/adalora/" + name
    expected = try OpenFile.json(folder + "/expected.json")
    base = Fixtures.root + "/Tests/Fixtures/parity/" + (try #require(expected["base"]?.text))
    tensors = try SafetensorsFile(folder + "/expected.safetensors")
  }

  func replica(_ adapter: String, _ description: ModelDescription) throws -> Replica {
    let engine = try Engine(threads: 2)
    let replica = Replica(
      description, engine: engine,
      store: WeightStore(description, type: .float32, form: FrozenForm(projections: .float32)))
    try replica.fill(
      from: try AdaptedWeights(description, base: base, adapter: folder + "/" + adapter, engine: engine))
    return replica
  }

  func batch() throws -> Batch {
    let shape = try #require(tensors.entry("tokens")).shape
    let targets = try tensors.integers("targets").map { Int32($0) }
    return Batch(
      rows: shape[0], length: shape[1], tokens: try tensors.integers("tokens").map { Int32($0) },
      targets: targets, positions: (0..<targets.count).map { Int32($0 % shape[1]) },
      sampleIDs: (0..<shape[0]).map { Int32($0) }, sequences: Array(0..<shape[0]),
      targetCount: targets.filter { $0 >= 0 }.count)
  }

  func logits() throws -> [Float] {
    var values = [Float](repeating: 0, count: try #require(tensors.entry("logits")).count)
    try values.withUnsafeMutableBufferPointer { try tensors.read("logits", into: $0, range: $0.indices) }
    return values
  }
}

@Suite struct AdaLoRATests {
  /// - Returns: the trained numbers at the end.
  private func run(_ fixture: AllocationCase, slices: Int) throws -> [Float] {
    let steps = try #require(fixture.expected["steps"])
    let losses = try #require(steps["losses"]?.elements).compactMap(\.double)
    let norms = try #require(steps["gradient_norms"]?.elements).compactMap(\.double)
    let kept = try #require(steps["kept"]?.elements)
    let rate = try #require(fixture.expected["learning_rate"]?.double)
    #expect(losses.count >= 8 && losses.count == norms.count && losses.count == kept.count)
    let recipe = try Recipe(
      file: nil,
      assignments: [
        "model=\(fixture.base)", "adapter=\(fixture.folder)/begin",
        "data.train=\(fixture.folder)/expected.json",
        "training.steps=\(losses.count)",
      ]
    ).settled(steps: losses.count)
    let description = try recipe.describeModel()
    let replica = try fixture.replica("begin", description)
    let (layout, engine) = (replica.layout, replica.engine)
    // No slice ends where a row does.
    let map = ShardMap(layout: layout, stage: .replicas, rank: 0, ranks: slices)
    let optimizer = try ShardedOptimizer(map: map, rule: recipe.rule, engine: engine, ledger: nil)
    let penalty = try #require(recipe.penalty(layout, ledger: nil))
    let pruned = try #require(optimizer.states.first { $0.declaration.name == "pruned" })
    let sum = FlatMemory(count: layout.count, label: "gradients")
    let stretches = optimizer.stretches(weights: replica.weights, gradients: sum.base)
    #expect(slices == 1 || stretches.contains { $0.start > 0 })
    var pruning = 0
    for step in losses.indices {
      let (loss, gradients) = gradient(of: replica, try fixture.batch())
      let more = penalty.take(replica.weights, engine)
      sum.base.update(from: gradients, count: gradients.count)
      for (index, parameter) in layout.parameters.enumerated() {
        guard let values = penalty.gradient(of: index, replica.weights, engine) else { continue }
        for place in parameter.range { sum.base[place] += values[place - parameter.range.lowerBound] }
      }
      let norm = sumOfSquares(sum.base, count: sum.count).squareRoot()
      #expect(abs((loss + more) / losses[step] - 1) <= 1e-4, "step \(step)")
      #expect(abs(norm / norms[step] - 1) <= 1e-3, "step \(step)")
      recipe.rule.update(
        stretches, step: step + 1, learningRate: rate, gradientScale: Float(min(1, 1 / (norm + 1e-6))),
        gradientNorm: norm, sums: WholeSums(layout: layout, stretches: stretches), engine: engine,
        finished: { _ in })
      guard let members = kept[step].members else { continue }
      for part in pruned.parts {
        let name = layout.parameters[part.parameter].spec.name.dropLast(".lora_E".count)
        let want = members.first { $0.key.elementsEqual(name.utf8) }?.value.elements?.map { $0.bool == false }
        #expect(pruned.bytes(of: part).map { $0 == 1 } == want, "step \(step): \(name)")
        pruning += 1
      }
    }
    #expect(pruning >= 6 * 8)
    #expect(largestDifference(replica.logits(try fixture.batch()), try fixture.logits()) <= 1e-4)
    try checkLeft(fixture, recipe, description, replica)
    return Array(UnsafeBufferPointer(start: replica.weights.floats, count: layout.count))
  }

  /// What a run leaves is what PEFT saves.
  private func checkLeft(
    _ fixture: AllocationCase, _ recipe: Recipe, _ description: ModelDescription, _ replica: Replica
  ) throws {
    let model = AdaptedModel(description)
    let config = try #require(try recipe.method.adapterConfig(of: model, base: "base"))
    let (left, tensors) = try recipe.method.left(of: model, config: config) { name in
      let range = replica.layout[name]!.range
      return Array(UnsafeBufferPointer(start: replica.weights.floats + range.lowerBound, count: range.count))
    }
    let end = fixture.folder + "/end"
    let theirs = try OpenFile.json(end + "/adapter_config.json")
    // Lists of modules are PEFT's in another order, by their ends.
    let others: Set = ["base_model_name_or_path", "target_modules", "layers_pattern", "layers_to_transform"]
    var compared = 0
    for member in left.members ?? [] {
      let key = String(decoding: member.key, as: UTF8.self)
      guard !others.contains(key) else { continue }
      let want = try #require(theirs[key], "\(key)")
      #expect(member.value.double == want.double && sorted(member.value) == sorted(want), "\(key)")
      compared += 1
    }
    #expect(compared >= 25)
    let files = try HuggingFaceWeights(folder: end, stem: "adapter_model")
    #expect(Set(files.names) == Set(tensors.map { "base_model.model." + $0.name }))
    for tensor in tensors {
      let name = "base_model.model." + tensor.name
      #expect(files.shape(of: name) == tensor.shape, "\(name)")
      let want = try files.floats(name, count: tensor.values.count)
      #expect(largestDifference(tensor.values, want) <= 1e-3, "\(name)")
    }
  }

  private func sorted(_ value: JSON) -> [String] {
    guard let members = value.members else { return value.double == nil ? [value.encoded()] : [] }
    return members.map { String(decoding: $0.key, as: UTF8.self) + $0.value.encoded() }.sorted()
  }

  @Test(arguments: ["gpt2", "llama"]) func aWholeRun(_ name: String) throws {
    let fixture = try AllocationCase(name)
    let whole = try run(fixture, slices: 1)
    for slices in [2, 3, 5] { #expect(try run(fixture, slices: slices) == whole, "\(slices) slices") }
  }

  @Test(arguments: ["gpt2", "llama"]) func whatPEFTLeavesIsRead(_ name: String) throws {
    let fixture = try AllocationCase(name)
    let description = try ModelDescription.stored(in: fixture.base, adapter: fixture.folder + "/end")
    let replica = try fixture.replica("end", description)
    #expect(largestDifference(replica.logits(try fixture.batch()), try fixture.logits()) <= 1e-4)
    let begin = try ModelDescription.stored(in: fixture.base, adapter: fixture.folder + "/begin")
    #expect(replica.layout.count < begin.layout.trainedCount)
  }
}
