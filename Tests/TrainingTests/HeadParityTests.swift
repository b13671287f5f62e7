// Every head of every encoder against transformers, on rows of unequal length: logits, and for all but spans loss, every
// gradient, and twenty AdamW steps.
import Base
import Checkpoints
import Datasets
import Graph
import Kernels
import Models
import Objectives
import Testing
import Training

@Suite struct HeadParityTests {
  static let families = ["bert", "roberta", "xlm-roberta", "distilbert", "electra", "modernbert", "deberta"]
  static let heads: [(name: String, kind: Head.Kind)] = [
    ("labels", .labels), ("token-labels", .tokenLabels), ("spans", .spans), ("choices", .choices),
    ("masked", .maskedLanguageModel),
  ]
  /// The folders of Tests/Fixtures/parity; BERT's for labels are LabelParityTests'.
  static let names =
    families.flatMap { family in heads.map { "\(family)-\($0.name)" } }
    .filter { $0 != "bert-labels" } + [
      "modernbert-mean-labels", "modernbert-mean-masked", "deberta-apart-labels", "deberta-apart-masked",
    ]

  func batch(_ fixture: ParityCase, _ prefix: String = "", index: Int = 0) throws -> Batch {
    let shape = try #require(fixture.tensors.entry(prefix + "tokens")).shape.suffix(2)
    let (rows, length) = (shape.first!, shape.last!)
    func integers(_ name: String, _ width: Int) throws -> [Int32] {
      try fixture.tensors.integers(prefix + name)[index * rows * width..<(index + 1) * rows * width].map {
        Int32($0)
      }
    }
    var targets = [Int32](repeating: Batch.noTarget, count: rows * length)
    var numbers: [Float] = []
    if fixture.tensors.entry(prefix + "targets") != nil {
      targets = try integers("targets", length)
    } else if let entry = fixture.tensors.entry(prefix + "row_labels") {
      let count = entry.count / (prefix.isEmpty ? 1 : 4)
      numbers = try fixture.tensors.integers(prefix + "row_labels")[index * count..<(index + 1) * count].map {
        Float($0)
      }
    }
    // Three rows compete where there is a label for every three.
    let choices = numbers.isEmpty || numbers.count >= rows ? 1 : rows / numbers.count
    if choices > 1 { numbers = numbers.flatMap { [Float](repeating: $0, count: choices) } }
    var batch = Batch(
      rows: rows, length: length, tokens: try integers("tokens", length), targets: targets,
      positions: (0..<rows * length).map { Int32($0 % length) }, types: try integers("types", length),
      lengths: try integers("lengths", 1), numbers: numbers, sampleIDs: (0..<rows).map { Int32($0) },
      sequences: Array(0..<rows),
      targetCount: numbers.isEmpty ? targets.count { $0 != Batch.noTarget } : rows / choices)
    batch.rowsPerSample = choices
    return batch
  }

  /// The rows of some logits that stand for tokens, not for padding; all rows of logits for sequences.
  private func ofTokens(_ logits: [Float], _ batch: Batch) -> [Float] {
    let rows = logits.count % (batch.rows * batch.length) == 0 && logits.count > batch.rows * batch.length
    guard rows else { return logits }
    let width = logits.count / (batch.rows * batch.length)
    return (0..<batch.rows).flatMap { row in
      let start = row * batch.length * width
      return logits[start..<start + Int(batch.lengths[row]) * width]
    }
  }

  @Test(arguments: names) func logits(_ name: String) throws {
    let fixture = try ParityCase(name)
    let description = try ModelDescription.stored(in: fixture.model)
    #expect(Self.heads.contains { name.hasSuffix($0.name) && $0.kind == description.head.kind })
    let replica = try replica(fixture)
    let batch = try batch(fixture)
    #expect(batch.lengths.contains { $0 < batch.length })
    let logits = ofTokens(replica.logits(batch), batch)
    let expected = ofTokens(try fixture.floats("logits"), batch)
    #expect(logits.count == expected.count && logits.count >= 3)
    let difference = largestDifference(logits, expected)
    #expect(difference <= 1e-4)
    ParityResults.record(.logits, of: description, Double(difference))
  }

  /// transformers' loss of spans counts padding among the places where an answer may stand.
  static let trained = names.filter { !$0.hasSuffix("-spans") }

  private func replica(_ fixture: ParityCase) throws -> Replica {
    let description = try ModelDescription.stored(in: fixture.model)
    let replica = Replica(
      description, objective: HeadAlone(description.head), engine: try Engine(threads: 2))
    try replica.fill(from: try FolderWeights(folder: fixture.model, description, layout: replica.layout))
    return replica
  }

  @Test(arguments: trained) func lossAndGradients(_ name: String) throws {
    let fixture = try ParityCase(name)
    let replica = try replica(fixture)
    let batch = try batch(fixture)
    let (loss, gradients) = gradient(of: replica, batch)
    let expected = try #require(fixture.expected["loss"]?.double)
    #expect(abs(loss / expected - 1) <= 1e-5)
    ParityResults.record(.loss, of: replica.description, abs(loss / expected - 1))
    #expect(abs(replica.loss(batch) / Double(batch.targetCount) / expected - 1) <= 1e-5)
    func norm(_ values: [Float]) -> Double {
      values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    let whole = norm(gradients)
    for parameter in replica.layout.parameters {
      let want = try fixture.floats("gradient." + parameter.spec.name)
      let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
      let size = max(norm(want), 1e-2 * whole)
      #expect(error <= 1e-4 * size, "\(parameter.spec.name)")
      ParityResults.record(.gradients, of: replica.description, error / size)
    }
    #expect(replica.layout.parameters.count >= 20)
  }

  @Test(arguments: trained) func twentySteps(_ name: String) throws {
    let fixture = try ParityCase(name)
    let steps = ReferenceSteps(
      losses: try fixture.numbers("losses"), norms: try fixture.numbers("gradient_norms"),
      learningRate: try #require(fixture.expected["learning_rate"]?.double), tolerance: 5e-4)
    #expect(steps.losses.count == 20)
    try steps.check(try replica(fixture)) { try batch(fixture, "train.", index: $0 % 4) }
  }
}

/// A head and the loss that transformers has for it.
struct HeadAlone: Objective {
  static let name = "head"
  static let unit = LossUnit.targetTokens
  let head: Head

  init(_ head: Head) { self.head = head }
  init(_ settings: Section) { head = .none }
  init?(evaluating model: ModelDescription) { nil }

  func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    guard let z = head.record(hidden, of: model.family, on: graph) else { return }
    switch head.kind {
    case .tokenLabels: graph.labelLoss(z, at: .targets)
    case .spans: graph.spanLoss(z)
    case .choices: graph.choiceLoss(z)
    default: graph.labelLoss(z)
    }
  }

  func scalars(of evaluated: Evaluated) -> [Scalar] { [] }
}
