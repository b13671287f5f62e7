// Virtual tokens and prefixes against an fp64 model: loss, every gradient by finite differences, decoding, and what is
// kept.
import Graph
import Kernels
import Reference
import Tensors
import Testing

@Suite struct PromptTests {
  static let shape = BatchShape(sequences: 3, length: 7)
  /// Key columns of each model's attentions: GPT-2 has no positions but a table's, Llama rotates and groups heads, Gemma
  /// has windows and heads apart.
  static let models: [(name: String, sketch: Sketch, columns: Int)] = [
    ("gpt2", .gpt2(), 8), ("llama", .llama(), 4), ("gemma", .gemma(), 12),
  ]
  static let encoders: [(name: String, encoder: Prompt.Encoder)] = [
    ("none", .none), ("projection", .projection(inputs: 4, hidden: 5)), ("mlp", .mlp(hidden: 5)),
    ("lstm", .lstm(hidden: 3, layers: 2, dropout: 0)),
  ]

  private func setUp(
    _ name: String, _ encoder: Prompt.Encoder, isPrefix: Bool, count: Int = 3,
    storage: FrozenStorage = .float32, shape: BatchShape = Self.shape
  ) throws -> (TestModel, TestBatch) {
    let (_, sketch, columns) = try #require(Self.models.first { $0.name == name })
    let place = isPrefix ? Prompt.Place.keysAndValues(layers: 2, columns: columns) : .embeddings
    let adaptation = TestAdaptation(
      terms: { _ in nil }, prompt: Prompt(count: count, place: place, encoder: encoder))
    var draw = Draw(500)
    let batch = TestBatch(
      shape, vocabulary: sketch.vocabulary, draw: &draw, packed: false, prefix: isPrefix ? count : 0)
    return (TestModel(sketch, frozen: storage, adaptation: adaptation), batch)
  }

  @Test(arguments: models.map(\.name), [false, true])
  func lossAndGradients(_ name: String, _ isPrefix: Bool) throws {
    var ran = 0
    for (label, encoder) in Self.encoders {
      let (model, batch) = try setUp(name, encoder, isPrefix: isPrefix)
      let result = try model.train(batch, poisoned: true)
      let reference = model.reference(batch)
      let loss = reference.loss(model.line)
      #expect(abs(result.loss - loss) <= 2e-6 * max(1, loss), "\(label)")
      let trained = model.layout.parameters.filter { $0.spec.trains }
      #expect(trained.allSatisfy { $0.spec.isAdded } && !trained.isEmpty)
      let slopes = reference.gradient(model.line, places: Array(0..<model.layout.trainedCount))
      model.expectGradients(result.gradients, slopes)
      for threads in 2...3 {
        expectSame(try model.train(batch, threads: threads), result, "\(label), \(threads) threads")
      }
      for recompute in [Recompute.attention, .layer] {
        expectSame(try model.train(batch, recompute: recompute, poisoned: true), result, "\(label), again")
      }
      ran += 1
    }
    #expect(ran == Self.encoders.count)
  }

  /// More units than a vector has lanes, and a memory of one step.
  @Test(arguments: [1, 2]) func memoriesOfOddSizes(_ count: Int) throws {
    let (model, batch) = try setUp(
      "llama", .lstm(hidden: 17, layers: 1, dropout: 0), isPrefix: false, count: count,
      shape: BatchShape(sequences: 1, length: 3))
    let result = try model.train(batch, poisoned: true)
    let slopes = model.reference(batch).gradient(model.line, places: Array(0..<model.layout.trainedCount))
    model.expectGradients(result.gradients, slopes)
    expectSame(try model.train(batch, threads: 3), result, "3 threads")
  }

  /// What the base is stored in does not matter: virtual tokens are fp32.
  @Test(arguments: [FrozenStorage.int8, .nf4(doubleQuantization: false)])
  func gradientsOverStorages(_ storage: FrozenStorage) throws {
    for isPrefix in [false, true] {
      let (model, batch) = try setUp("llama", .none, isPrefix: isPrefix, storage: storage)
      let result = try model.train(batch, poisoned: true)
      let slopes = model.reference(batch).gradient(
        model.line, places: Array(0..<model.layout.trainedCount))
      model.expectGradients(result.gradients, slopes)
    }
  }

  /// One query more than a block has, more heads' keys than a worker takes, and a prefix of one.
  @Test func oddSizes() throws {
    for (sequences, length, count) in [(1, 65, 1), (9, 3, 5), (1, 1, 4)] {
      let shape = BatchShape(sequences: sequences, length: length)
      let adaptation = TestAdaptation(
        terms: { _ in nil },
        prompt: Prompt(count: count, place: .keysAndValues(layers: 2, columns: 4)))
      var draw = Draw(501)
      let batch = TestBatch(shape, vocabulary: 13, draw: &draw, packed: false, prefix: count)
      let model = TestModel(.llama(), adaptation: adaptation)
      let result = try model.train(batch, poisoned: true)
      let reference = model.reference(batch)
      #expect(abs(result.loss - reference.loss(model.line)) <= 1e-5 * max(1, result.loss))
      let slopes = reference.gradient(model.line, places: Array(0..<model.layout.trainedCount))
      model.expectGradients(result.gradients, slopes, tolerance: 3e-5)
    }
  }

  @Test(arguments: models.map(\.name), [false, true])
  func tokensOneAtATimeGiveTheSameLogits(_ name: String, _ isPrefix: Bool) throws {
    let (model, batch) = try setUp(name, .none, isPrefix: isPrefix)
    let want = model.reference(batch, training: false).logits(model.line)
    let (vocabulary, length) = (model.sketch.vocabulary, Self.shape.length)
    let engine = try Engine(threads: 2)
    var ran = 0
    // The second sequence of a cache that another one has used.
    let prefix = isPrefix ? 3 : 0
    let cache = KeyValueCache(sequences: 2, capacity: prefix + length, prefix: prefix)
    for sequence in 0..<Self.shape.sequences {
      cache.clear(1)
      for (start, count) in [(0, 4)] + (4..<length).map({ ($0, 1) }) {
        cache.begin(first: 1, lengths: [count])
        let program = model.program(
          BatchShape(sequences: 1, length: count), purpose: .decoding(cache), threads: 2)
        let arena = Arena()
        arena.poison(program)
        _ = batch.withInput { input in
          var input = input
          input.stream = input.stream.from(sequence * length + start)
          return program.run(input, weights: model.store, arena: arena, engine: engine)
        }
        cache.finish()
        let last = sequence * length + start + count - 1
        let logits = Array(want[last * vocabulary..<(last + 1) * vocabulary])
        #expect(worstError(Array(program.output(arena: arena)), logits) <= 3e-6, "token \(last)")
        ran += 1
      }
    }
    #expect(ran == 12)
  }

  /// Frozen projections keep no input, whatever stands before the text.
  @Test func nothingOfTheBaseIsKept() throws {
    let sketch = Sketch.gpt2(width: 32, layers: 4, dropout: 0)
    func arena(_ adaptation: any Adaptation) -> Int {
      TestModel(sketch, adaptation: adaptation).program(BatchShape(sequences: 2, length: 64)).arenaCount
    }
    let prompt = TestAdaptation(terms: { _ in nil }, prompt: Prompt(count: 4, place: .embeddings))
    let terms = TestAdaptation.everywhere(trainsA: false)
    // Terms whose A is frozen keep no input of a projection either, and have B beside that.
    #expect(arena(prompt) <= arena(terms))
    #expect(arena(prompt) < arena(TestAdaptation.everywhere()))
  }
}
