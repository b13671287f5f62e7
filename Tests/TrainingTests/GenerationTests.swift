// Generated tokens against `generate` of transformers, and that neither the batch nor its order changes them.
import Adapters
import Base
import Checkpoints
import Foundation
import Generation
import Graph
import Kernels
import Models
import Testing
import Training

private struct GenerationCase {
  static let count = 8
  let json: JSON

  init(_ index: Int) throws {
    let cases = try #require(
      try OpenFile.json(Fixtures.root + "/Tests/Fixtures/generation.json")["cases"]?.elements)
    try #require(cases.count == Self.count)
    json = cases[index]
  }

  func lists(_ key: String) throws -> [[Int32]] {
    try #require(json[key]?.elements).map {
      try #require($0.elements).map { Int32(try #require($0.integer)) }
    }
  }

  /// The model, which ends a text at these tokens.
  func generator(ends: [Int], storage: FrozenStorage = .float32, threads: Int = 2) throws -> Generator {
    let fixtures = Fixtures.root + "/Tests/Fixtures/"
    let folder = fixtures + "parity/" + (try #require(json["model"]?.text))
    let stored = try ModelDescription.stored(in: folder)
    var description = try ModelDescription(
      config: stored.config, file: folder + "/config.json", folder: folder, endOfGeneration: ends)
    let adapter = json["adapter"]?.text.map { fixtures + "adapters/" + $0 }
    description = description.adapted(
      by: try adapter.map { try adapterMethod(in: $0).adaptation(of: AdaptedModel(description)) }
        ?? NoFineTuning())
    let replica = Replica(
      description, engine: try Engine(threads: threads),
      store: WeightStore(description, type: .float32, form: FrozenForm(projections: storage)))
    if let adapter {
      try replica.fill(
        from: try AdaptedWeights(description, base: folder, adapter: adapter, engine: replica.engine))
    } else {
      try replica.fill(from: try FolderWeights(folder: folder, description, layout: replica.store.layout))
    }
    return replica.generator
  }
}

@Suite struct GenerationTests {
  /// The answers to prompts, whose samples are numbered as the prompts are.
  private func answers(
    _ generator: Generator, _ prompts: [[Int32]], order: [Int]? = nil, batchSize: Int, maximum: Int,
    sampling: Sampling = Sampling(), stopAfter: Int = .max
  ) throws -> [[Int32]] {
    let order = order ?? Array(prompts.indices)
    var answers = [[Int32]](repeating: [], count: prompts.count)
    var ended: [Int] = []
    try generator.run(
      order.map { Generator.Prompt(prompts[$0], sample: $0) }, batchSize: batchSize, maximum: maximum,
      sampling: sampling
    ) { prompt, token in
      #expect(!ended.contains(prompt))
      answers[order[prompt]].append(token)
      return answers[order[prompt]].count < stopAfter
    } ended: { prompt, _ in
      ended.append(prompt)
    }
    #expect(ended.sorted() == Array(prompts.indices))
    return answers
  }

  @Test(arguments: 0..<GenerationCase.count) func greedyAnswersAreThoseOfTransformers(_ index: Int) throws {
    let test = try GenerationCase(index)
    // Far above what another order of additions changes.
    #expect(try #require(test.json["gap"]?.double) > 1e-4)
    let prompts = try test.lists("prompts")
    let free = try test.lists("answers")
    let ended = try test.lists("ended")
    let ends = try #require(test.json["ends"]?.elements).compactMap(\.integer)
    var compared = 0
    for (ends, want) in [([], free), (ends, ended)] {
      let generator = try test.generator(ends: ends)
      for batchSize in [1, 3, 64] {
        let got = try answers(generator, prompts, batchSize: batchSize, maximum: 20)
        #expect(got == want, "\(batchSize) at once")
        compared += got.count
      }
    }
    #expect(compared == 42)
    #expect(Set(ended.map(\.count)).count > 2)
  }

  @Test(arguments: [FrozenStorage.float32, .nf4(doubleQuantization: true)])
  func drawsDependOnNothingButTheSample(_ storage: FrozenStorage) throws {
    var compared = 0
    for index in [0, 4] {
      let test = try GenerationCase(index)
      let prompts = try test.lists("prompts")
      for sampling in [
        Sampling(temperature: 1, seed: 5), Sampling(temperature: 0.7, topP: 0.8, seed: 6),
        Sampling(temperature: 2, topK: 4, topP: 0.9, seed: 7),
      ] {
        let want = try answers(
          try test.generator(ends: [9], storage: storage, threads: 1), prompts, batchSize: 1, maximum: 20,
          sampling: sampling)
        let generator = try test.generator(ends: [9], storage: storage)
        for (batchSize, order) in [
          (2, [0, 1, 2, 3, 4, 5, 6]), (3, [6, 2, 0, 1, 5, 4, 3]), (64, [3, 2, 1, 0, 4, 6, 5]),
        ] {
          let got = try answers(
            generator, prompts, order: order, batchSize: batchSize, maximum: 20, sampling: sampling)
          #expect(got == want, "\(batchSize) at once")
          compared += 1
        }
        let other = try answers(
          generator, prompts, batchSize: 3, maximum: 20,
          sampling: Sampling(temperature: sampling.temperature, topP: sampling.topP, seed: 99))
        #expect(other != want)
      }
    }
    #expect(compared == 18)
  }

  /// Texts that begin with one prompt, which is read once, go on as if each had read it.
  @Test(arguments: 0..<GenerationCase.count) func severalAnswersToOnePrompt(_ index: Int) throws {
    let test = try GenerationCase(index)
    let prompts = try test.lists("prompts").flatMap { [[Int32]](repeating: $0, count: 3) }
    let sampling = Sampling(temperature: 1.5, seed: 8)
    let generator = try test.generator(ends: [9])
    let want = try answers(generator, prompts, batchSize: 1, maximum: 12, sampling: sampling)
    #expect(Set(want).count > prompts.count / 3)
    for batchSize in [2, 5, 64] {
      let got = try answers(generator, prompts, batchSize: batchSize, maximum: 12, sampling: sampling)
      #expect(got == want, "\(batchSize) at once")
    }
  }

  @Test func aTextEndsWhereItsReaderSaysOrTheModelDoes() throws {
    let test = try GenerationCase(0)
    let prompts = try test.lists("prompts")
    let whole = try test.lists("answers")
    let generator = try test.generator(ends: [])
    #expect(
      try answers(generator, prompts, batchSize: 4, maximum: 20, stopAfter: 3)
        == whole.map { Array($0.prefix(3)) })
    // The model reads sequences of so many tokens.
    let longest = try ModelDescription.stored(in: Fixtures.root + "/Tests/Fixtures/parity/gpt2-tiny").family
      .maximumLength
    let full = try answers(generator, prompts, batchSize: 4, maximum: .max)
    #expect(zip(prompts, full).allSatisfy { $0.count + $1.count == longest })
    #expect(zip(whole, full).allSatisfy { $1.starts(with: $0.prefix(longest - 12)) })
  }

  /// Longer than what is read at once.
  @Test func longPromptsAreReadInParts() throws {
    let config = JSON.object([
      "model_type": .string("llama"), "hidden_size": .integer(16), "intermediate_size": .integer(24),
      "num_hidden_layers": .integer(1), "num_attention_heads": .integer(2), "vocab_size": .integer(50),
      "max_position_embeddings": .integer(1400),
    ])
    let description = try ModelDescription(config: config, file: "long", endOfGeneration: [])
    let replica = Replica(description, engine: try Engine(threads: 2))
    try replica.fill(from: RandomWeights(description.layout, seed: 1))
    let prompts = [1300, 3, 600, 512, 513].map { count in (0..<count).map { Int32(7 * $0 % 50) } }
    let want = try answers(replica.generator, prompts, batchSize: 1, maximum: 4)
    #expect(try answers(replica.generator, prompts, batchSize: 5, maximum: 4) == want)
    let text = Continuations(
      description, weights: replica.store, engine: replica.engine, texts: 1, capacity: 1300)
    let logits = Array(text.read([prompts[0][...]]))
    #expect(largest(logits, count: 50).place == Int(want[0][0]))
  }
}
