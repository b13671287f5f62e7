// What a program guarantees beside its numbers: threads, memory, order of segments, frozen and tied weights.
import Graph
import Kernels
import Reference
import Tensors
import Testing

@Suite struct ProgramTests {
  static let sketches: [(name: String, sketch: Sketch)] = [
    ("gpt2", .gpt2(width: 32, heads: 4, layers: 3, vocabulary: 200)),
    ("llama", .llama(width: 32, layers: 3, vocabulary: 200, tied: true)),
    ("gemma", .gemma(width: 32, vocabulary: 200)), ("t5", .t5(width: 32, layers: 4, vocabulary: 200)),
  ]

  private func setUp(
    _ name: String, length: Int = 20, bucketCount: Int = 4 << 20,
    freezes: (String) -> Bool = { _ in false }
  ) throws -> (TestModel, TestBatch) {
    let sketch = try #require(Self.sketches.first { $0.name == name }).sketch
    var draw = Draw(200)
    let shape = BatchShape(sequences: 3, length: length)
    let batch = TestBatch(shape, vocabulary: sketch.vocabulary, draw: &draw)
    return (TestModel(sketch, bucketCount: bucketCount, freezes: freezes), batch)
  }

  @Test(arguments: sketches.map(\.name)) func threadsDoNotMatter(_ name: String) throws {
    // Long enough for several tiles of products, and for two blocks of queries.
    let (model, batch) = try setUp(name, length: 100)
    let one = try model.train(batch)
    #expect(one.gradients.allSatisfy { $0.isFinite })
    var ran = 0
    for threads in 2...3 {
      for recompute in Recompute.allCases {
        let result = try model.train(batch, recompute: recompute, threads: threads, poisoned: true)
        expectSame(result, one, "\(threads) threads, \(recompute)")
        ran += 1
      }
    }
    #expect(ran == 6)
  }

  @Test(arguments: sketches.map(\.name)) func recomputeGivesTheSameBits(_ name: String) throws {
    let (model, batch) = try setUp(name)
    let plain = try model.train(batch)
    for recompute in Recompute.allCases {
      expectSame(try model.train(batch, recompute: recompute, poisoned: true), plain, "\(name), \(recompute)")
    }
    #expect(Recompute.allCases.count == 3)
  }

  /// The cost of one more layer in a model with this many layers, in matrices of [rows, width]. With `none`, GPT-2
  /// keeps its input, qkv (3), attention's output, the sum after it and the first feed-forward product (4); with
  /// `attention` four of them less, and with `layer` its input alone. Statistics of norms and of attention are a few
  /// columns more.
  @Test func recomputeTakesLessMemory() throws {
    let width = 64
    let shape = BatchShape(sequences: 2, length: 512)
    let depths = [2, 4, 12]
    let counts = Dictionary(
      uniqueKeysWithValues: Recompute.allCases.map { recompute in
        let arenas = depths.map { layers in
          let model = TestModel(.gpt2(width: width, layers: layers), bucketCount: 1024)
          return model.program(shape, recompute: recompute).arenaCount
        }
        return (recompute, arenas)
      })
    let matrix = shape.rows * width
    func expectGrowth(_ recompute: Recompute, _ matrices: ClosedRange<Double>) throws {
      let arenas = try #require(counts[recompute])
      for index in 1..<depths.count {
        let grown = Double(arenas[index] - arenas[index - 1]) / Double(depths[index] - depths[index - 1])
        #expect(matrices.contains(grown / Double(matrix)), "\(recompute): \(grown / Double(matrix))")
      }
    }
    try expectGrowth(.none, 10...10.2)
    try expectGrowth(.attention, 6...6.2)
    try expectGrowth(.layer, 1...1)
  }

  /// The same loss, gradients near those of fp32, and the same bits on any number of threads.
  @Test(arguments: sketches.map(\.name)) func packedActivations(_ name: String) throws {
    let (model, batch) = try setUp(name, length: 100)
    let plain = try model.train(batch)
    let norm = plain.gradients.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    // T5 does not scale its scores, which are large in a random model; what rounds queries and keys moves them most.
    let bounds: [(ActivationStorage, Double)] =
      name == "t5" ? [(.bfloat16, 0.1), (.int8, 0.4)] : [(.bfloat16, 2e-2), (.int8, 6e-2)]
    for (storage, bound) in bounds {
      for recompute in Recompute.allCases {
        let packed = try model.train(
          batch, recompute: recompute, keeping: ActivationKeeping(storage), poisoned: true)
        #expect(packed.loss.bitPattern == plain.loss.bitPattern, "\(storage), \(recompute)")
        let difference = zip(packed.gradients, plain.gradients).reduce(0) {
          $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
        }.squareRoot()
        #expect(
          difference / norm <= bound && difference > 0, "\(storage), \(recompute): \(difference / norm)")
        let threads = try model.train(
          batch, recompute: recompute, keeping: ActivationKeeping(storage), threads: 3, poisoned: true)
        expectSame(threads, packed, "\(storage), \(recompute) on three threads")
        let offloaded = try model.train(
          batch, recompute: recompute, keeping: ActivationKeeping(storage, offloads: true), poisoned: true)
        expectSame(offloaded, packed, "\(storage), \(recompute) in a file")
      }
    }
  }

  /// Activations that wait in a file are the same numbers, and next to nothing of a further layer stays in memory.
  @Test(arguments: sketches.map(\.name)) func offloadedActivations(_ name: String) throws {
    let (model, batch) = try setUp(name, length: 100)
    let plain = try model.train(batch)
    let keeping = ActivationKeeping(offloads: true)
    for (recompute, threads) in [(Recompute.none, 1), (.attention, 3), (.layer, 2)] {
      let offloaded = try model.train(
        batch, recompute: recompute, keeping: keeping, threads: threads, poisoned: true)
      expectSame(offloaded, plain, "\(recompute)")
    }
    func counts(layers: Int) -> (arena: Int, file: Int) {
      let program = TestModel(.gpt2(width: 64, layers: layers), bucketCount: 1024)
        .program(BatchShape(sequences: 2, length: 512), keeping: keeping)
      return (program.arenaCount, program.offloadedCount)
    }
    let (few, many) = (counts(layers: 6), counts(layers: 12))
    let matrix = Double(6 * 2 * 512 * 64)
    // Statistics of norms and attention stay.
    #expect((0...0.2).contains(Double(many.arena - few.arena) / matrix), "\(few) \(many)")
    #expect((9.8...10.2).contains(Double(many.file - few.file) / matrix), "\(few) \(many)")
  }

  /// What one more layer costs, in matrices of [rows, width]; see `recomputeTakesLessMemory`.
  @Test func packedActivationsTakeLessMemory() throws {
    let width = 64
    let shape = BatchShape(sequences: 2, length: 512)
    func growth(_ storage: ActivationStorage, _ recompute: Recompute) -> Double {
      let arenas = [6, 12].map { layers in
        TestModel(.gpt2(width: width, layers: layers), bucketCount: 1024)
          .program(shape, recompute: recompute, keeping: ActivationKeeping(storage)).arenaCount
      }
      return Double(arenas[1] - arenas[0]) / 6 / Double(shape.rows * width)
    }
    #expect((5...5.2).contains(growth(.bfloat16, .none)), "\(growth(.bfloat16, .none))")
    #expect((2.6...2.9).contains(growth(.int8, .none)), "\(growth(.int8, .none))")
    #expect((0.49...0.51).contains(growth(.bfloat16, .layer)), "\(growth(.bfloat16, .layer))")
  }

  /// Twice the length takes twice the memory: nothing in it is quadratic in the length.
  @Test func noMatrixOfTokensByTokens() {
    var compared = 0
    for sketch in [Sketch.gpt2(width: 16, layers: 2), .llama(width: 16, layers: 2)] {
      for recompute in Recompute.allCases {
        let counts = [2048, 4096, 8192].map { length in
          TestModel(sketch).program(BatchShape(sequences: 1, length: length), recompute: recompute).arenaCount
        }
        #expect(counts[2] - counts[1] <= 2 * (counts[1] - counts[0]), "\(recompute)")
        #expect(counts[2] <= 2 * counts[1])
        compared += 1
      }
    }
    #expect(compared == 6)
  }

  @Test func aLossAloneKeepsNothing() {
    let shape = BatchShape(sequences: 4, length: 64)
    let counts = [2, 12].map { layers in
      TestModel(.gpt2(width: 16, layers: layers)).program(shape, purpose: .loss).arenaCount
    }
    #expect(counts[0] == counts[1])
  }

  @Test(arguments: sketches.map(\.name)) func segmentsComeInOrderAndComplete(_ name: String) throws {
    let (whole, batch) = try setUp(name)
    let (model, _) = try setUp(name, bucketCount: 1024)
    #expect(whole.layout.segments.count == 1)
    #expect(model.layout.segments.count > 10)
    let want = try whole.train(batch)
    for recompute in Recompute.allCases {
      let result = try model.train(batch, recompute: recompute, poisoned: true)
      #expect(result.segments == Array(model.layout.segments.indices))
      expectSame(result, want, "in segments")
    }
  }

  @Test func earlySegmentsLeaveTheArena() throws {
    // The memory of gradients that were handed over is used again: with small segments, the arena does not hold all.
    let sketch = Sketch.gpt2(width: 32, layers: 8)
    let shape = BatchShape(sequences: 1, length: 4)
    let whole = TestModel(sketch, freezes: { $0 == "wte" || $0 == "wpe" })
    let parts = TestModel(sketch, bucketCount: 1024, freezes: { $0 == "wte" || $0 == "wpe" })
    #expect(whole.program(shape).gradientCount >= whole.layout.trainedCount)
    #expect(parts.program(shape).gradientCount < whole.layout.trainedCount / 2)
    // Memory that ranks share is laid out once, for batches of any shape, and grows with the number of segments held.
    let long = BatchShape(sequences: 2, length: 7)
    #expect(parts.program(long).gradientCount == parts.program(shape).gradientCount)
    #expect(parts.program(shape, holds: 2).gradientCount > parts.program(shape).gradientCount)
  }

  @Test func frozenLayersStoreNothing() throws {
    let shape = BatchShape(sequences: 3, length: 20)
    let sketch = Sketch.gpt2(width: 32, heads: 4, layers: 8, vocabulary: 50, tied: false)
    let all = TestModel(sketch, bucketCount: 1024)
    let frozen: (String) -> Bool = { !$0.hasPrefix("h.7.") && $0 != "lm_head" && !$0.hasPrefix("ln_f") }
    let last = TestModel(sketch, bucketCount: 1024, freezes: frozen)
    #expect(last.layout.trainedCount < all.layout.trainedCount / 4)
    var ran = 0
    for recompute in Recompute.allCases {
      let counts = (all.program(shape, recompute: recompute), last.program(shape, recompute: recompute))
      if recompute == .none { #expect(counts.1.arenaCount < counts.0.arenaCount / 2) }
      // Layers below the trained one cost no more when there are more of them.
      let deeper = Sketch.gpt2(width: 32, heads: 4, layers: 9, vocabulary: 50, tied: false)
      let deeperFrozen: (String) -> Bool = {
        !$0.hasPrefix("h.8.") && $0 != "lm_head" && !$0.hasPrefix("ln_f")
      }
      let deeperLast = TestModel(deeper, bucketCount: 1024, freezes: deeperFrozen)
      #expect(deeperLast.program(shape, recompute: recompute).arenaCount == counts.1.arenaCount)
      ran += 1
    }
    #expect(ran == 3)

    var draw = Draw(201)
    let batch = TestBatch(shape, vocabulary: 50, draw: &draw)
    let (part, whole) = (try last.train(batch, poisoned: true), try all.train(batch))
    #expect(part.loss == whole.loss)
    for parameter in last.layout.parameters where parameter.spec.trains {
      let other = try #require(all.layout[parameter.spec.name])
      #expect(sameBits(Array(part.gradients[parameter.range]), Array(whole.gradients[other.range])))
    }
  }

  @Test func nothingTrainedIsALossWithoutSegments() throws {
    let (model, batch) = try setUp("llama", freezes: { _ in true })
    let result = try model.train(batch, poisoned: true)
    #expect(result.segments.isEmpty && result.gradients.isEmpty)
    #expect(result.loss == (try setUp("llama").0.train(batch)).loss)
  }

  @Test func tiedWeightsTakeBothGradients() throws {
    // The same numbers are used once as one parameter and once as two: the gradient of the one is the sum of both.
    let (tied, apart) = (TestModel(.gpt2(tied: true)), TestModel(.gpt2(tied: false)))
    let shape = BatchShape(sequences: 2, length: 6)
    var draw = Draw(202)
    let batch = TestBatch(shape, vocabulary: 13, draw: &draw)
    for parameter in apart.layout.parameters {
      let name = parameter.spec.name == "lm_head" ? "wte" : parameter.spec.name
      let source = try #require(tied.layout[name])
      (apart.weights.floats + parameter.range.lowerBound).update(
        from: tied.weights.floats + source.range.lowerBound, count: parameter.range.count)
    }
    let (one, two) = (try tied.train(batch), try apart.train(batch))
    #expect(one.loss == two.loss)
    func gradient(_ model: TestModel, _ result: TrainResult, _ name: String) throws -> [Float] {
      Array(result.gradients[try #require(model.layout[name]).range])
    }
    let sum = zip(try gradient(apart, two, "lm_head"), try gradient(apart, two, "wte")).map {
      Double($0 + $1)
    }
    #expect(worstError(try gradient(tied, one, "wte"), sum) <= 1e-6)
  }

  @Test func shapesAlternateOnOneArena() throws {
    let (model, _) = try setUp("gpt2")
    let engine = try Engine(threads: 2)
    var draw = Draw(203)
    let shapes = [(3, 20), (1, 1), (2, 70), (5, 3)].map { BatchShape(sequences: $0.0, length: $0.1) }
    let batches = shapes.map { TestBatch($0, vocabulary: 200, draw: &draw) }
    let programs = shapes.map { model.program($0, threads: 2) }
    let alone = zip(programs, batches).map { model.train($0, $1, arena: Arena(), engine: engine) }
    let arena = Arena()
    let evaluation = model.program(shapes[0], purpose: .loss, threads: 2)
    var losses: Set<Double> = []
    var ran = 0
    for index in [0, 1, 2, 3, 2, 1, 0, 0, 3] {
      let result = model.train(programs[index], batches[index], arena: arena, engine: engine)
      expectSame(result, alone[index], "shape \(index)")
      losses.insert(
        batches[0].withInput {
          evaluation.run($0, weights: model.store, arena: arena, engine: engine)
        })
      ran += 1
    }
    #expect(ran == 9)
    #expect(losses.count == 1)
  }

  /// Operands of another type would be rounded into memory that was not planned.
  @Test func weightsOfAnotherTypeAreRefused() async {
    await #expect(processExitsWith: .success) { try runLogits(recordedFor: .bfloat16, on: .bfloat16) }
    await #expect(processExitsWith: .failure) { try runLogits(recordedFor: .float32, on: .bfloat16) }
    // Trained in fp32 beside frozen weights of bfloat16, recorded as if all were bfloat16.
    await #expect(processExitsWith: .failure) {
      try runLogits(recordedFor: .bfloat16, on: .bfloat16, adapted: true)
    }
  }

  @Test func everySampleHasItsOwnMasksWhateverTheMicroBatch() throws {
    // The losses of single sequences add up to that of the batch: no random draw depends on a sample's place.
    let (model, batch) = try setUp("gpt2", length: 8)
    let together = try model.train(batch)
    var sum = 0.0
    let program = model.program(BatchShape(sequences: 1, length: 8))
    for sequence in 0..<3 {
      sum += try batch.withInput { input in
        var input = input
        input.stream = input.stream.from(sequence * 8)
        input.targets += sequence * 8
        input.sampleIDs += sequence
        return program.run(
          input, weights: model.store, arena: Arena(), engine: try Engine(threads: 1)
        ) { _, _ in }
      }
    }
    #expect(abs(sum - together.loss) <= 2e-6 * together.loss)
  }
}

/// One forward pass of a program that was recorded for weights of one type.
private func runLogits(
  recordedFor recorded: ElementType, on type: ElementType, adapted: Bool = false
) throws {
  let sketch = Sketch.llama()
  let shape = BatchShape(sequences: 1, length: 4)
  var draw = Draw(1)
  let batch = TestBatch(shape, vocabulary: sketch.vocabulary, draw: &draw)
  let program = TestModel(sketch, type: recorded).program(shape, purpose: .logits)
  let weights =
    adapted
    ? TestModel(sketch, type: type, adaptation: TestAdaptation.everywhere()).store
    : TestModel(sketch, type: type).store
  let engine = try Engine(threads: 1)
  _ = batch.withInput { program.run($0, weights: weights, arena: Arena(), engine: engine) }
}
