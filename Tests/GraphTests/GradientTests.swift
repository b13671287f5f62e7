// Whole small models: loss, logits and every gradient against finite differences of an fp64 model.
import Graph
import Kernels
import Reference
import Tensors
import Testing

@Suite struct GradientTests {
  static let shape = BatchShape(sequences: 2, length: 6)

  static let models: [(name: String, sketch: Sketch)] = [
    ("gpt2", .gpt2()), ("gpt2 untied", .gpt2(dropout: 0, tied: false)), ("llama", .llama()),
    ("llama tied", .llama(tied: true)), ("bert", .bert()), ("gemma", .gemma()), ("t5", .t5()),
    ("t5 encoder", .t5(isCausal: false)), ("source", .source()),
  ]
  private static func isCausal(_ name: String) -> Bool { name != "bert" && name != "t5 encoder" }

  @Test(arguments: models.map(\.name)) func lossAndGradients(_ name: String) throws {
    let sketch = try #require(Self.models.first { $0.name == name }).sketch
    var draw = Draw(100)
    let batch = TestBatch(
      Self.shape, vocabulary: sketch.vocabulary, draw: &draw, isCausal: Self.isCausal(name))
    let model = TestModel(sketch)
    let result = try model.train(batch, poisoned: true)
    let reference = model.reference(batch)
    let loss = reference.loss(model.line)
    #expect(abs(result.loss - loss) <= 2e-6 * loss)
    model.expectGradients(result.gradients, reference.gradient(model.line))
  }

  /// Matrices are bfloat16, everything else is fp32: the gradients are those at the rounded weights and activations,
  /// except for what backward rounds, 2^-9 each.
  @Test(arguments: models.map(\.name)) func gradientsInBFloat16(_ name: String) throws {
    let sketch = try #require(Self.models.first { $0.name == name }).sketch
    var draw = Draw(104)
    let batch = TestBatch(
      Self.shape, vocabulary: sketch.vocabulary, draw: &draw, isCausal: Self.isCausal(name))
    let model = TestModel(sketch, type: .bfloat16)
    let result = try model.train(batch, poisoned: true)
    let reference = model.reference(batch)
    let loss = reference.loss(model.line)
    #expect(abs(result.loss - loss) <= 1e-2 * loss)
    model.expectGradients(result.gradients, reference.gradient(model.line), tolerance: 2e-2)
    for threads in 2...3 {
      expectSame(try model.train(batch, threads: threads), result, "\(threads) threads")
    }
    expectSame(try model.train(batch, recompute: .layer), result, "layers computed again")
  }

  @Test(arguments: models.map(\.name)) func lossAloneHasNoDropout(_ name: String) throws {
    let sketch = try #require(Self.models.first { $0.name == name }).sketch
    var draw = Draw(101)
    let batch = TestBatch(
      Self.shape, vocabulary: sketch.vocabulary, draw: &draw, isCausal: Self.isCausal(name))
    let model = TestModel(sketch)
    let engine = try Engine(threads: 1)
    let reference = model.reference(batch, training: false)
    let arena = Arena()
    let lossProgram = model.program(Self.shape, purpose: .loss)
    arena.poison(lossProgram)
    let loss = batch.withInput {
      lossProgram.run($0, weights: model.store, arena: arena, engine: engine)
    }
    let want = reference.loss(model.line)
    #expect(abs(loss - want) <= 2e-6 * want)
    let logitProgram = model.program(Self.shape, purpose: .logits)
    arena.poison(logitProgram)
    _ = batch.withInput {
      logitProgram.run($0, weights: model.store, arena: arena, engine: engine)
    }
    let error = worstError(Array(logitProgram.output(arena: arena)), reference.logits(model.line))
    #expect(error <= 3e-6)
  }

  @Test func aBatchWithoutTargetsHasNoGradient() throws {
    let model = TestModel(.gpt2())
    var draw = Draw(102)
    let batch = TestBatch(Self.shape, vocabulary: 13, draw: &draw)
    let program = model.program(Self.shape)
    let arena = Arena()
    arena.poison(program)
    let none = [Int32](repeating: -1, count: Self.shape.rows)
    var gradients: [Float] = []
    let loss = try batch.withInput { input in
      try none.withUnsafeBufferPointer { targets in
        var input = input
        input.targets = targets.baseAddress!
        return program.run(
          input, weights: model.store, arena: arena, engine: try Engine(threads: 1)
        ) { gradients += UnsafeBufferPointer(start: $1, count: model.layout.segments[$0].range.count) }
      }
    }
    #expect(loss == 0)
    #expect(gradients == [Float](repeating: 0, count: model.layout.trainedCount))
  }

  @Test func gradientsTakeTheScale() throws {
    let model = TestModel(.gpt2(dropout: 0))
    var draw = Draw(103)
    let batch = TestBatch(Self.shape, vocabulary: 13, draw: &draw)
    let whole = try model.train(batch)
    var eighth: [Float] = []
    let program = model.program(Self.shape)
    let loss = try batch.withInput { input in
      var input = input
      input.scale = 0.125
      return program.run(
        input, weights: model.store, arena: Arena(), engine: try Engine(threads: 1)
      ) { eighth += UnsafeBufferPointer(start: $1, count: model.layout.segments[$0].range.count) }
    }
    // A power of two scales without rounding; the loss is not scaled.
    #expect(loss == whole.loss)
    #expect(eighth == whole.gradients.map { $0 / 8 })
  }

  @Test(arguments: ElementType.allCases) func tokensOneAtATimeGiveTheSameLogits(_ type: ElementType) throws {
    // The reference has rounded weights, but not rounded activations.
    let tolerance = type == .float32 ? 3e-6 : 2e-2
    var ran = 0
    for sketch in [Sketch.gpt2(), .llama(), .gemma(), .t5()] {
      let model = TestModel(sketch, type: type)
      var draw = Draw(104)
      let shape = BatchShape(sequences: 1, length: 9)
      let batch = TestBatch(shape, vocabulary: sketch.vocabulary, draw: &draw, packed: false)
      let want = model.reference(batch, training: false).logits(model.line)
      let engine = try Engine(threads: 2)
      // Four tokens as a prompt, then the rest one by one.
      let cache = KeyValueCache(sequences: 1, capacity: 9)
      for (start, count) in [(0, 4)] + (4..<9).map({ ($0, 1) }) {
        cache.begin(first: 0, lengths: [count])
        let program = model.program(
          BatchShape(sequences: 1, length: count), purpose: .decoding(cache), threads: 2)
        let arena = Arena()
        arena.poison(program)
        _ = batch.withInput { input in
          var input = input
          input.stream = input.stream.from(start)
          return program.run(input, weights: model.store, arena: arena, engine: engine)
        }
        cache.finish()
        let last = start + count - 1
        let logits = Array(want[last * sketch.vocabulary..<(last + 1) * sketch.vocabulary])
        #expect(worstError(Array(program.output(arena: arena)), logits) <= tolerance, "token \(last)")
        ran += 1
      }
    }
    #expect(ran == 24)
  }
}
