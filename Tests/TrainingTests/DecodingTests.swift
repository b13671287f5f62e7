// Every purpose of a program with every type of weights: decoding, logits, loss and training agree with each other.
import Base
import Checkpoints
import Datasets
import Foundation
import Generation
import Kernels
import Models
import Tensors
import Testing
import Training

@Suite struct DecodingTests {
  /// In bfloat16, sums in another order may round an operand differently, by 2⁻⁸ of it.
  private static func tolerance(_ type: ElementType) -> Float { type == .float32 ? 2e-5 : 1e-2 }

  private func replica(_ fixture: ParityCase, _ type: ElementType) throws -> Replica {
    let description = try ModelDescription.stored(in: fixture.model)
    let layout = ParameterLayout(specs: description.parameters)
    let replica = Replica(
      description, engine: try Engine(threads: 2), store: WeightStore(WeightLine(layout, type: type)))
    try replica.fill(from: try FolderWeights(folder: fixture.model, description, layout: layout))
    return replica
  }

  /// A text of the fixture as a micro-batch of one row.
  private func row(_ fixture: ParityCase) throws -> Batch {
    let all = try fixture.batch()
    let places = 0..<all.length
    let targets = Array(all.targets[places])
    return Batch(
      rows: 1, length: all.length, tokens: Array(all.tokens[places]), targets: targets,
      positions: Array(all.positions[places]), sampleIDs: [0],
      sequences: [0], targetCount: targets.filter { $0 >= 0 }.count)
  }

  @Test(arguments: ParityCase.names, ElementType.allCases)
  func tokenByTokenIsOneForwardPass(_ name: String, _ type: ElementType) throws {
    let fixture = try ParityCase(name)
    let replica = try replica(fixture, type)
    let batch = try row(fixture)
    let vocabulary = replica.description.family.vocabulary
    let logits = replica.logits(batch)
    let scale = logits.reduce(0) { max($0, abs($1)) }
    #expect(logits.count == batch.length * vocabulary && scale > 0.5)
    // The prompt at once, at every length that it may have; then one token at a time.
    var compared = 0
    for prompt in [1, 2, 5] {
      let text = Continuations(
        replica.description, weights: replica.store, engine: replica.engine, texts: 1, capacity: batch.length)
      for end in prompt...batch.length {
        let next = Array(text.read([batch.tokens[(end == prompt ? 0 : end - 1)..<end]]))
        let whole = Array(logits[(end - 1) * vocabulary..<end * vocabulary])
        #expect(largestDifference(next, whole) <= Self.tolerance(type) * scale, "after \(end) tokens")
        compared += 1
      }
    }
    #expect(compared == 3 * batch.length - 5)
  }

  /// Texts of unequal length side by side, one of which ends: each gets the bits that it gets alone, however it is cut.
  @Test(arguments: ["gpt2-odd", "llama-bias", "stories260K"], ElementType.allCases)
  func textsDoNotDependOnEachOther(_ name: String, _ type: ElementType) throws {
    let fixture = try ParityCase(name)
    let replica = try replica(fixture, type)
    let tokens = try row(fixture).tokens[...]
    let vocabulary = replica.description.family.vocabulary
    func texts(_ count: Int, threads: Int) throws -> Continuations {
      Continuations(
        replica.description, weights: replica.store, engine: try Engine(threads: threads), texts: count,
        capacity: tokens.count)
    }
    /// The logits after the first `count` tokens, read one by one.
    func alone(_ count: Int) throws -> [Float] {
      let text = try texts(1, threads: 1)
      var logits: [Float] = []
      for place in 0..<count { logits = Array(text.read([tokens[place...place]])) }
      return logits
    }
    try #require(tokens.count >= 8, "the text is too short")
    let lengths = [3, 1, 5, 2]
    let all = try texts(4, threads: 2)
    var logits = Array(all.read(lengths.map { tokens[..<$0] }))
    var compared = 0
    func expect(_ lengths: [Int]) throws {
      for (row, length) in lengths.enumerated() {
        let own = Array(logits[row * vocabulary..<(row + 1) * vocabulary])
        #expect(try own == alone(length), "\(length) tokens in row \(row)")
        compared += 1
      }
    }
    try expect(lengths)
    // The second text ends, the last one takes its place, and all go on by another number of tokens.
    all.end(1, of: 4)
    logits = Array(all.read([tokens[3..<5], tokens[2..<3], tokens[5..<8]]))
    try expect([5, 3, 8])
    // A new text joins at the end.
    logits = Array(all.read([tokens[..<6]], first: 3))
    try expect([6])
    #expect(compared == 8)
  }

  @Test(arguments: ParityCase.names, ElementType.allCases)
  func lossAndTrainingAreThoseOfTheLogits(_ name: String, _ type: ElementType) throws {
    let fixture = try ParityCase(name)
    let replica = try replica(fixture, type)
    let batch = try row(fixture)
    let vocabulary = replica.description.family.vocabulary
    let logits = replica.logits(batch)
    var expected = 0.0
    for (place, target) in batch.targets.enumerated() where target >= 0 {
      let row = logits[place * vocabulary..<(place + 1) * vocabulary].map(Double.init)
      expected += log(row.reduce(0) { $0 + exp($1) }) - row[Int(target)]
    }
    #expect(batch.targetCount > 3)
    let tolerance = Double(Self.tolerance(type))
    #expect(abs(replica.loss(batch) / expected - 1) <= tolerance)
    var gradients = 0
    let loss = replica.train(batch, dividedBy: batch.targetCount, seed: 0, step: 0) { index, values in
      let count = replica.layout.segments[index].range.count
      gradients += UnsafeBufferPointer(start: values, count: count).count { $0.isFinite }
    }
    #expect(abs(loss / expected - 1) <= tolerance)
    #expect(gradients == replica.layout.count)
    // Both types hold the same model.
    let exact = try self.replica(fixture, .float32).logits(batch)
    #expect(relativeError(logits, exact) <= 2 * tolerance)
  }
}
