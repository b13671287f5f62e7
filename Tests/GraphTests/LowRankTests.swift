// Low-rank terms on frozen weights in every storage: gradients against finite differences, bits, and what is kept.
import Graph
import Kernels
import Reference
import Tensors
import Testing

@Suite struct LowRankTests {
  static let storages: [FrozenStorage] = [
    .float32, .bfloat16, .int8, .nf4(doubleQuantization: false), .nf4(doubleQuantization: true),
  ]
  /// GPT-2's weights lie [inputs, outputs]; Llama has several projections side by side.
  static let models: [(name: String, sketch: Sketch)] = [("gpt2", .gpt2()), ("llama", .llama())]
  static let shape = BatchShape(sequences: 2, length: 6)

  private func setUp(
    _ name: String, _ storage: FrozenStorage, _ adaptation: any Adaptation, type: ElementType = .float32
  ) throws -> (TestModel, TestBatch) {
    let sketch = try #require(Self.models.first { $0.name == name }).sketch
    var draw = Draw(400)
    let batch = TestBatch(Self.shape, vocabulary: sketch.vocabulary, draw: &draw)
    return (TestModel(sketch, type: type, frozen: storage, adaptation: adaptation), batch)
  }

  private func expectRight(
    _ model: TestModel, _ batch: TestBatch, loss tolerance: Double = 2e-6, gradients: Double = 1e-5
  ) throws {
    let result = try model.train(batch, poisoned: true)
    let reference = model.reference(batch)
    let line = model.line
    let loss = reference.loss(line)
    #expect(abs(result.loss - loss) <= tolerance * max(1, loss))
    let slopes = reference.gradient(line, places: Array(0..<model.layout.trainedCount))
    model.expectGradients(result.gradients, slopes, tolerance: gradients)
  }

  @Test(arguments: models.map(\.name), storages)
  func lossAndGradients(_ name: String, _ storage: FrozenStorage) throws {
    var ran = 0
    for dropout in [0, 0.3] {
      let adaptation = TestAdaptation.everywhere(dropout: dropout, values: true)
      let (model, batch) = try setUp(name, storage, adaptation)
      let values = model.layout.parameters.filter { $0.spec.name.hasSuffix(".lora_E") }
      #expect(
        values.count == (name == "gpt2" ? 2 * 4 : 2 * 7) && values.allSatisfy { $0.spec.shape == [3, 1] })
      try expectRight(model, batch)
      ran += 1
    }
    for (dropout, magnitude) in [(0, false), (0.3, false), (0, true), (0.3, true)] {
      let adaptation = TestAdaptation.everywhere(dropout: dropout, magnitude: magnitude)
      let (model, batch) = try setUp(name, storage, adaptation)
      // Frozen, A lies beside the base in fp32.
      let halves = TestAdaptation.everywhere(dropout: dropout, magnitude: magnitude, trainsA: false)
      let (fa, _) = try setUp(name, storage, halves)
      #expect(
        fa.layout.parameters.allSatisfy {
          $0.spec.trains == ($0.spec.isAdded && !$0.spec.name.hasSuffix("_A.weight"))
        })
      try expectRight(fa, batch)
      // Nothing but terms is trained: two matrices for each projection, and with DoRA a vector.
      let trained = model.layout.parameters.filter(\.spec.trains)
      let projections = name == "gpt2" ? 2 * 4 : 2 * 7
      #expect(trained.allSatisfy(\.spec.isAdded) && trained.count == projections * (magnitude ? 3 : 2))
      try expectRight(model, batch)
      ran += 1
    }
    #expect(ran == 6)
  }

  /// Tables that are looked up in and multiplied, tied and apart, in few bits.
  @Test(arguments: models.map(\.name), [FrozenStorage.int8, .nf4(doubleQuantization: false)])
  func embeddingsInFewBits(_ name: String, _ storage: FrozenStorage) throws {
    let sketch = try #require(Self.models.first { $0.name == name }).sketch
    var draw = Draw(402)
    let batch = TestBatch(Self.shape, vocabulary: sketch.vocabulary, draw: &draw)
    let adaptation = TestAdaptation.everywhere(dropout: 0, magnitude: false)
    func model(_ embeddings: FrozenStorage?, _ type: ElementType) -> TestModel {
      TestModel(sketch, type: type, frozen: .int8, embeddings: embeddings, adaptation: adaptation)
    }
    let few = model(storage, .float32)
    try expectRight(few, batch)
    #expect(few.store.frozen!.plan.bytes < model(nil, .float32).store.frozen!.plan.bytes)
    let plain = try few.train(batch)
    for threads in 1...3 {
      expectSame(try few.train(batch, threads: threads, poisoned: true), plain, "\(threads) threads")
    }
    // In a bfloat16 model they are what they widen to, rounded.
    let half = model(storage, .bfloat16)
    try expectRight(half, batch, loss: 1e-2, gradients: 4e-2)
    let twin = TestModel(sketch, type: .bfloat16, frozen: .bfloat16, adaptation: adaptation)
    try twin.freeze(half.line)
    expectSame(try half.train(batch, poisoned: true), try twin.train(batch), "in bfloat16")
  }

  /// The gradient of the first input reaches tables and norms, through every projection.
  @Test(arguments: models.map(\.name), [(0, false), (0.3, false), (0, true), (0.3, true)])
  func inputGradients(_ name: String, _ kind: (dropout: Double, magnitude: Bool)) throws {
    let adaptation = TestAdaptation.everywhere(dropout: kind.dropout, magnitude: kind.magnitude) {
      $0 == "wte" || $0 == "wpe" || $0 == "embed" || $0.contains("norm") || $0.contains("ln_")
    }
    let (model, batch) = try setUp(name, .nf4(doubleQuantization: true), adaptation)
    #expect(model.layout.parameters.contains { $0.spec.trains && !$0.spec.isAdded })
    try expectRight(model, batch)
  }

  /// Activations are rounded where weights are multiplied in bfloat16, as in the reference; terms are fp32.
  @Test(arguments: models.map(\.name)) func gradientsInBFloat16(_ name: String) throws {
    for (dropout, magnitude) in [(0, false), (0.3, false), (0, true), (0.3, true)] {
      let (model, batch) = try setUp(
        name, .bfloat16, TestAdaptation.everywhere(dropout: dropout, magnitude: magnitude), type: .bfloat16)
      #expect(model.weights.type == .float32)
      try expectRight(model, batch, loss: 1e-2, gradients: 4e-2)
    }
  }

  /// In a bfloat16 model every storage is what it widens to, rounded: the bits are those of such a matrix.
  @Test(arguments: models.map(\.name), storages)
  func widenedWeightsAreRounded(_ name: String, _ storage: FrozenStorage) throws {
    let adaptation = TestAdaptation.everywhere(dropout: 0.3, magnitude: true)
    let (model, batch) = try setUp(name, storage, adaptation, type: .bfloat16)
    let twin = try setUp(name, .bfloat16, adaptation, type: .bfloat16).0
    try twin.freeze(model.line)
    let result = try model.train(batch, poisoned: true)
    #expect(result.gradients.allSatisfy(\.isFinite) && !result.gradients.isEmpty)
    expectSame(result, try twin.train(batch), "\(storage)")
    expectSame(result, try model.train(batch, recompute: .layer, threads: 3), "\(storage), again")
  }

  /// Beside weights that are trained as a whole, and projections without a term.
  @Test(arguments: 0..<20) func termsInRandomPrograms(_ number: Int) throws {
    let sketch = Sketch.random(number)
    var draw = Draw(2000 + number)
    let shape = BatchShape(sequences: 1 + draw.below(3), length: 1 + draw.below(7))
    let batch = TestBatch(shape, vocabulary: sketch.vocabulary, draw: &draw)
    let model = TestModel(
      sketch, frozen: Self.storages[number % 5], adaptation: TestAdaptation.random(number))
    try expectRight(model, batch)
    let plain = try model.train(batch)
    for recompute in Recompute.allCases {
      for threads in 1...3 {
        expectSame(
          try model.train(batch, recompute: recompute, threads: threads, poisoned: true), plain,
          "\(recompute), \(threads) threads")
      }
    }
  }

  @Test(arguments: ProgramTests.sketches.map(\.name), storages)
  func threadsAndRecomputeDoNotMatter(_ name: String, _ storage: FrozenStorage) throws {
    let sketch = try #require(ProgramTests.sketches.first { $0.name == name }).sketch
    var draw = Draw(401)
    // Long enough for several tiles of products.
    let batch = TestBatch(BatchShape(sequences: 3, length: 100), vocabulary: 200, draw: &draw)
    var ran = 0
    for type in ElementType.allCases {
      let model = TestModel(
        sketch, bucketCount: 1024, type: type, frozen: storage,
        adaptation: TestAdaptation.everywhere(rank: 5, dropout: 0.1, magnitude: type == .float32))
      let one = try model.train(batch)
      #expect(one.gradients.allSatisfy(\.isFinite) && !one.gradients.isEmpty)
      #expect(one.segments == Array(model.layout.segments.indices) && one.segments.count > 3)
      for (threads, recompute) in [(2, Recompute.none), (3, .attention), (1, .layer), (2, .layer)] {
        expectSame(
          try model.train(batch, recompute: recompute, threads: threads, poisoned: true), one,
          "\(type), \(threads) threads, \(recompute)")
        ran += 1
      }
    }
    #expect(ran == 8)
  }

  @Test(arguments: models.map(\.name)) func lossAloneDropsNothing(_ name: String) throws {
    let (model, batch) = try setUp(name, .int8, TestAdaptation.everywhere(dropout: 0.5))
    let reference = model.reference(batch, training: false)
    let engine = try Engine(threads: 2)
    let arena = Arena()
    let program = model.program(Self.shape, purpose: .loss, threads: 2)
    arena.poison(program)
    let loss = batch.withInput { program.run($0, weights: model.store, arena: arena, engine: engine) }
    let want = reference.loss(model.line)
    #expect(abs(loss - want) <= 2e-6 * want)
  }

  /// A new adapter has B = 0: the model is what it was.
  @Test(arguments: models.map(\.name)) func aNewAdapterChangesNothing(_ name: String) throws {
    let (model, batch) = try setUp(name, .nf4(doubleQuantization: false), TestAdaptation.everywhere())
    for parameter in model.layout.parameters where parameter.spec.name.hasSuffix(".lora_B.weight") {
      #expect(parameter.spec.initial == .zeros)
      (model.weights.floats + parameter.range.lowerBound).update(repeating: 0, count: parameter.range.count)
    }
    let base = try setUp(name, .nf4(doubleQuantization: false), TestAdaptation { _ in nil }).0
    let engine = try Engine(threads: 1)
    func logits(_ model: TestModel) -> [Float] {
      let program = model.program(Self.shape, purpose: .logits)
      let arena = Arena()
      batch.withInput { _ = program.run($0, weights: model.store, arena: arena, engine: engine) }
      return Array(program.output(arena: arena))
    }
    let (adapted, plain) = (logits(model), logits(base))
    #expect(adapted == plain && adapted.count == Self.shape.rows * 13)
  }
}

/// Terms of several adapters, each on the rows of its own sequences.
@Suite struct AdapterMemberTests {
  private struct Several: Adaptation {
    let members: [AdapterMember]
    func trains(_ parameter: String) -> Bool { false }
  }

  /// Each of three adapters has the loss and the gradients that it has alone on its sequences, whose rows lie in several
  /// tiles of products.
  @Test(arguments: LowRankTests.models.map(\.name), [0, 0.3])
  func eachAsAlone(_ name: String, _ dropout: Double) throws {
    let sketch = try #require(LowRankTests.models.first { $0.name == name }).sketch
    let terms = [
      TestAdaptation.everywhere(rank: 3, dropout: dropout),
      TestAdaptation.everywhere(rank: 5, dropout: dropout, trainsA: false),
      TestAdaptation.everywhere(rank: 2, dropout: dropout),
    ]
    let members = zip(["a", "b", "c"], terms).map { AdapterMember(name: $0, adaptation: $1) }
    let model = TestModel(sketch, frozen: .int8, adaptation: Several(members: members))
    let shape = BatchShape(sequences: 48, length: 100, groups: [12, 24, 12])
    var draw = Draw(77)
    let batch = TestBatch(shape, vocabulary: sketch.vocabulary, draw: &draw, packed: false)
    let factors: [Float] = [0.5, 2, 0.25]
    let ofRows = zip(shape.groups, factors).flatMap { [Float](repeating: $1, count: $0 * shape.length) }
    let engine = try Engine(threads: 2)
    func run(
      _ adaptation: any Adaptation, _ shape: BatchShape, _ prepare: (inout GraphInput) -> Void
    ) -> TrainResult {
      let graph = Graph(
        layout: model.layout, type: .float32, trainedType: .float32, shape: shape, purpose: .training,
        adaptation: adaptation)
      graph.hasOtherHeads = true
      sketch.record(on: graph)
      let program = Program(graph, threads: 2)
      let arena = Arena()
      arena.poison(program)
      var result = TrainResult(gradients: [Float](repeating: .nan, count: model.layout.trainedCount))
      result.loss = batch.withInput { input in
        var input = input
        prepare(&input)
        return program.run(input, weights: model.store, arena: arena, engine: engine) { segment, gradients in
          let range = model.layout.segments[segment].range
          result.gradients.replaceSubrange(
            range, with: UnsafeBufferPointer(start: gradients, count: range.count))
        }
      }
      return result
    }
    let whole = ofRows.withUnsafeBufferPointer { factors in
      run(model.adaptation, shape) { $0.targetFactors = factors.baseAddress }
    }
    var (loss, first, compared) = (0.0, 0, 0)
    for (index, member) in members.enumerated() {
      let count = shape.groups[index]
      let alone = run(
        Several(members: [member]), BatchShape(sequences: count, length: shape.length)
      ) { input in
        let row = first * shape.length
        input.stream = input.stream.from(row)
        input.targets += row
        input.sampleIDs += first
        input.scale = factors[index]
      }
      loss += alone.loss
      for parameter in model.layout.parameters
      where parameter.spec.trains && parameter.spec.name.hasPrefix(member.prefix) {
        let want = alone.gradients[parameter.range].map { Double($0) }
        let error = worstError(Array(whole.gradients[parameter.range]), want)
        #expect(error <= 1e-5, "\(parameter.spec.name)")
        #expect(want.contains { $0 != 0 }, "\(parameter.spec.name)")
        compared += 1
      }
      first += count
    }
    #expect(abs(whole.loss / loss - 1) <= 1e-6)
    #expect(compared == model.layout.parameters.filter(\.spec.trains).count && compared >= 40)
  }
}

/// What a layer more costs in a chain of projections, in matrices of [rows, width].
@Suite struct KeptForTrainingTests {
  private static let width = 64
  private static let shape = BatchShape(sequences: 1, length: 256)

  private func arena(layers: Int, _ adaptation: any Adaptation) -> Int {
    var s = Sketch(vocabulary: 7)
    var x = s.append(.embedding("table", columns: Self.width))
    for layer in 0..<layers { x = s.linear(x, "p\(layer)", Self.width, layout: .inputByOutput) }
    s.head = (x, "head")
    return TestModel(s, bucketCount: 1024, adaptation: adaptation).program(Self.shape).arenaCount
  }

  private func growth(_ adaptation: any Adaptation) -> Double {
    let counts = [4, 12].map { arena(layers: $0, adaptation) }
    return Double(counts[1] - counts[0]) / 8 / Double(Self.shape.rows * Self.width)
  }

  @Test func onlyInputsOfWhatIsTrained() {
    #expect(growth(FullFineTuning()) == 1)
    // A term keeps the input and u, which is a sixteenth of it.
    #expect(growth(TestAdaptation.everywhere(rank: 4)) == 17.0 / 16)
    // One whose A is frozen needs no input (LoRA-FA), and A has no gradient.
    let fa = TestAdaptation.everywhere(rank: 4, trainsA: false)
    #expect(growth(fa) == 1.0 / 16)
    // A vector of IA3 keeps what it is multiplied to, once.
    for gain in [Gain.inputs, .outputs] {
      #expect(growth(TestAdaptation(terms: { _ in nil }, gains: { $0.hasPrefix("p") ? gain : nil })) == 1)
    }
    // Biases need no input.
    #expect(growth(TestAdaptation(terms: { _ in nil }, trained: { $0.hasSuffix(".bias") })) == 0)
    // Below the term of the first projection nothing is trained; above it gradients pass.
    let first = TestAdaptation(terms: { $0 == "p0" ? LowRank(rank: 4, scale: 1) : nil })
    #expect(growth(first) == 0)
    #expect(arena(layers: 8, first) < arena(layers: 8, TestAdaptation.everywhere(rank: 4)) / 2)
  }

  /// Terms of projections side by side count their own columns, and frozen weights have no product of their own.
  @Test func operationsAreCounted() {
    let (rows, width, rank) = (Double(Self.shape.rows), 64.0, 4.0)
    let (broad, narrow) = (48.0, 16.0)
    func operations(_ adaptation: any Adaptation, _ purpose: Purpose) -> Double {
      var s = Sketch(vocabulary: 7)
      var x = s.append(.embedding("table", columns: 64))
      x = s.append(
        .linear(x, [("a", columns: 48), ("b", columns: 16)], bias: false, layout: .outputByInput))
      x = s.linear(x, "c", 64)
      s.head = (x, "head")
      return TestModel(s, adaptation: adaptation).program(Self.shape, purpose: purpose).productOperations
    }
    let none = TestAdaptation(terms: { _ in nil })
    let sideBySide = TestAdaptation(terms: { $0 == "c" ? nil : LowRank(rank: 4, scale: 1) })
    let terms = 2 * rows * rank * (2 * width + broad + narrow)
    #expect(operations(sideBySide, .loss) - operations(none, .loss) == terms)
    // Backward: dx through c and the head; dB, t and dA of both terms, whose input has no gradient.
    let head = 2 * rows * width * 7
    let backward = 2 * rows * width * width + head + 2 * rows * rank * (2 * width + 2 * (broad + narrow))
    #expect(operations(sideBySide, .training) - operations(sideBySide, .loss) == backward)
  }
}
