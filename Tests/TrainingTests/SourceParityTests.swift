// Models that read a source against transformers, on sources and answers of unequal length: logits, loss, every
// gradient, five AdamW steps, and the texts that they write, token by token and by beam search.
import Base
import Checkpoints
import Datasets
import Generation
import Kernels
import Models
import Objectives
import Testing
import Training

@Suite struct SourceParityTests {
  static let names = ["t5", "t5-gated", "mt5", "bart", "bart-scaled"]

  func batch(_ fixture: ParityCase, _ prefix: String = "", index: Int = 0) throws -> Batch {
    func shape(_ name: String) throws -> (rows: Int, length: Int) {
      let shape = try #require(fixture.tensors.entry(prefix + name)).shape.suffix(2)
      return (shape.first!, shape.last!)
    }
    func integers(_ name: String, _ count: Int) throws -> [Int32] {
      try fixture.tensors.integers(prefix + name)[index * count..<(index + 1) * count].map { Int32($0) }
    }
    let (rows, length) = try shape("tokens")
    let source = try shape("source.tokens").length
    let targets = try integers("targets", rows * length)
    return Batch(
      rows: rows, length: length, tokens: try integers("tokens", rows * length), targets: targets,
      positions: (0..<rows * length).map { Int32($0 % length) }, lengths: try integers("lengths", rows),
      source: SourceTexts(
        length: source, tokens: try integers("source.tokens", rows * source),
        lengths: try integers("source.lengths", rows)), sampleIDs: (0..<rows).map { Int32($0) },
      sequences: Array(0..<rows), targetCount: targets.count { $0 != Batch.noTarget })
  }

  @Test(arguments: names) func logitsLossAndGradients(_ name: String) throws {
    let fixture = try ParityCase(name)
    let replica = try fixture.replica()
    let batch = try batch(fixture)
    #expect(
      batch.source!.lengths.contains { $0 < batch.source!.length }
        && batch.lengths.contains { $0 < batch.length })
    let vocabulary = replica.description.family.vocabulary
    func ofTokens(_ logits: [Float]) -> [Float] {
      (0..<batch.rows).flatMap { row -> ArraySlice<Float> in
        let first = row * batch.length
        return logits[first * vocabulary..<(first + Int(batch.lengths[row])) * vocabulary]
      }
    }
    let expectedLogits = ofTokens(try fixture.floats("logits"))
    let scale = expectedLogits.reduce(1) { max($0, abs($1)) }
    let difference = largestDifference(ofTokens(replica.logits(batch)), expectedLogits)
    #expect(difference <= 1e-5 * scale)
    ParityResults.record(.logits, of: replica.description, Double(difference))
    let (loss, gradients) = gradient(of: replica, batch)
    let expected = try #require(fixture.expected["loss"]?.double)
    #expect(abs(loss / expected - 1) <= 1e-5)
    ParityResults.record(.loss, of: replica.description, abs(loss / expected - 1))
    #expect(abs(replica.loss(batch) / Double(batch.targetCount) / expected - 1) <= 1e-5)
    // More padding changes nothing.
    #expect(abs(replica.loss(batch.padded(by: 3)) / Double(batch.targetCount) / expected - 1) <= 1e-5)
    func norm(_ values: [Float]) -> Double {
      values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    let whole = norm(gradients)
    for parameter in replica.layout.parameters {
      let stored = replica.description.names(of: parameter.spec.name).map { "gradient." + $0 }
        .first { fixture.tensors.entry($0) != nil }
      let want = try fixture.floats(try #require(stored))
      let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
      let size = max(norm(want), 1e-3 * whole)
      #expect(error <= 3e-4 * size, "\(parameter.spec.name)")
      ParityResults.record(.gradients, of: replica.description, error / size)
    }
    #expect(replica.layout.parameters.count >= 40)
  }

  @Test(arguments: names) func fiveSteps(_ name: String) throws {
    let fixture = try ParityCase(name)
    let steps = ReferenceSteps(
      losses: Array(try fixture.numbers("losses").prefix(5)),
      norms: Array(try fixture.numbers("gradient_norms").prefix(5)),
      learningRate: try #require(fixture.expected["learning_rate"]?.double), tolerance: 1e-3)
    #expect(steps.losses.count == 5)
    try steps.check(try fixture.replica()) { try batch(fixture, "train.", index: $0 % 4) }
  }

  /// The answers are the same at every size of the batch.
  @Test(arguments: names) func textsAreThoseOfTransformers(_ name: String) throws {
    let fixture = try ParityCase(name)
    let replica = try fixture.replica()
    func integers(_ json: JSON) -> [Int32] { (json.elements ?? []).compactMap { $0.integer.map(Int32.init) } }
    let sources = try #require(fixture.expected["sources"]?.elements).map(integers)
    let prompts = sources.enumerated().map { Generator.Prompt($0.element, sample: $0.offset) }
    let maximum = try #require(fixture.expected["max_new_tokens"]?.integer)
    let ends = replica.description.endOfGeneration
    var compared = 0
    for search in try #require(fixture.expected["searches"]?.elements) {
      let wanted = (search["answers"]?.elements ?? []).map { json in
        // Without the token that they begin with, and from the one that ends them.
        integers(json).dropFirst().prefix { !ends.contains($0) }
      }
      let beams = BeamSearch(
        beams: try #require(search["num_beams"]?.integer),
        lengthPenalty: search["length_penalty"]?.double ?? 1,
        stopsEarly: search["early_stopping"]?.bool ?? false)
      for size in [1, 3, 20] {
        var answers = [[Int32]](repeating: [], count: sources.count)
        if beams.beams == 1 {
          try replica.generator.run(prompts, batchSize: size, maximum: maximum, sampling: Sampling()) {
            answers[$0].append($1)
            return true
          }
        } else {
          try replica.generator.run(prompts, search: beams, batchSize: size, maximum: maximum) {
            answers[$0] = $1
          }
        }
        #expect(answers == wanted.map(Array.init), "\(beams), \(size) at once")
        compared += 1
      }
    }
    #expect(compared == 21)
  }
}
