// Models with labels for sequences against transformers: logits, loss, every gradient, twenty AdamW steps.
import Base
import Datasets
import Kernels
import Metrics
import Models
import Objectives
import Testing
import Training

@Suite struct LabelParityTests {
  static let names = ["bert-labels", "bert-odd-labels", "gpt2-labels", "llama-labels"]

  private func batch(_ fixture: ParityCase, _ prefix: String = "", index: Int = 0) throws -> Batch {
    let shape = try #require(fixture.tensors.entry(prefix + "tokens")).shape.suffix(2)
    let (rows, length) = (shape.first!, shape.last!)
    func integers(_ name: String, _ width: Int) throws -> [Int32] {
      try fixture.tensors.integers(prefix + name)[index * rows * width..<(index + 1) * rows * width].map {
        Int32($0)
      }
    }
    return Batch(
      rows: rows, length: length, tokens: try integers("tokens", length),
      targets: [Int32](repeating: Batch.noTarget, count: rows * length),
      positions: (0..<rows * length).map { Int32($0 % length) }, types: try integers("types", length),
      lengths: try integers("lengths", 1), numbers: try integers("row_labels", 1).map(Float.init),
      sampleIDs: (0..<rows).map { Int32($0) }, sequences: Array(0..<rows), targetCount: rows)
  }

  @Test(arguments: names) func logitsLossAndGradients(_ name: String) throws {
    let fixture = try ParityCase(name)
    let replica = try fixture.replica()
    let batch = try batch(fixture)
    let labels = (fixture.expected["labels"]?.elements ?? []).compactMap(\.text)
    #expect(labels.count >= 2)
    #expect(replica.description.head == .labels(labels))
    #expect(largestDifference(replica.logits(batch), try fixture.floats("logits")) <= 1e-4)
    let (loss, gradients) = gradient(of: replica, batch)
    let expected = try #require(fixture.expected["loss"]?.double)
    #expect(abs(loss / expected - 1) <= 1e-5)
    #expect(abs(replica.loss(batch) / Double(batch.rows) / expected - 1) <= 1e-5)
    let whole = norm(gradients)
    for parameter in replica.layout.parameters {
      let want = try fixture.floats("gradient." + parameter.spec.name)
      // A bias of keys moves all scores of a query alike, so that its gradient is nothing but rounding.
      let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
      #expect(error <= 1e-4 * max(norm(want), 1e-3 * whole), "\(parameter.spec.name)")
    }
    #expect(replica.layout.parameters.count >= 20)
  }

  @Test(arguments: names) func twentySteps(_ name: String) throws {
    let fixture = try ParityCase(name)
    let steps = ReferenceSteps(
      losses: try fixture.numbers("losses"), norms: try fixture.numbers("gradient_norms"),
      learningRate: try #require(fixture.expected["learning_rate"]?.double))
    #expect(steps.losses.count == 20)
    try steps.check(try fixture.replica()) { try batch(fixture, "train.", index: $0 % 4) }
  }

  /// The counts of all rows, as scikit-learn gives them: accuracy_score and f1_score(average="macro").
  @Test func measures() {
    let counts: [Double] = [3, 2, 0, 0, 2, 2, 1, 0, 2, 1, 0, 0]
    let measures = LabelMeasures(counts)
    #expect(abs(measures.accuracy - 0.6) < 1e-12)
    #expect(abs(measures.f1Macro - (4.0 / 5 + 2.0 / 4 + 0) / 3) < 1e-12)
  }
}
