// The losses of tasks and every gradient, against transformers and sentence-transformers on tiny models.
import Base
import Checkpoints
import Datasets
import Foundation
import Kernels
import Models
import Objectives
import Testing
import Training

@Suite struct TaskParityTests {
  static let names = [
    "several", "regression", "smooth", "weighted", "both", "focal", "tokens", "spans", "choices", "pairs",
    "triplets",
    "scores", "matryoshka", "dots",
  ]

  private struct Case {
    let expected: JSON
    let tensors: SafetensorsFile
    let replica: Replica
    let batch: Batch

    init(_ name: String) throws {
      let folder = Fixtures.root + "/Tests/Fixtures/tasks/" + name
      expected = try OpenFile.json(folder + "/expected.json")
      tensors = try SafetensorsFile(folder + "/expected.safetensors")
      let config = try OpenFile.json(folder + "/config.json")
      var task = try #require(expected["task"]?.members)
      if let labels = config["id2label"]?.members,
        try #require(expected["task"]?["name"]?.text).hasSuffix("classification")
      {
        task.append(JSON.Member(key: Array("labels".utf8), value: .array(labels.map(\.value))))
      }
      if config["problem_type"]?.text == "multi_label_classification" {
        task.append(JSON.Member(key: Array("multi_label".utf8), value: .bool(true)))
      }
      let problems = Problems()
      let top = Section(
        .object([JSON.Member(key: Array("task".utf8), value: .object(task))]), file: nil, code: .usage,
        problems: problems)
      let objective = TaskRecipe(top).objective
      try problems.throwIfAny()
      let description = try ModelDescription.stored(in: folder, with: objective.head)
      #expect(description.newParameters.isEmpty, "\(name)")
      replica = Replica(description, objective: objective, engine: try Engine(threads: 2))
      try replica.fill(from: try FolderWeights(folder: folder, description, layout: replica.layout))

      batch = try tensors.batch(rowsPerSample: try #require(expected["rows_per_sample"]?.integer))
    }
  }

  @Test(arguments: names) func lossAndGradients(_ name: String) throws {
    let fixture = try Case(name)
    let (loss, gradients) = gradient(of: fixture.replica, fixture.batch)
    let expected = try #require(fixture.expected["loss"]?.double)
    #expect(abs(loss / expected - 1) <= 1e-5, "\(loss) for \(expected)")
    let measured = fixture.replica.loss(fixture.batch) / Double(fixture.batch.targetCount)
    #expect(abs(measured / expected - 1) <= 1e-5, "\(measured) for \(expected)")
    let whole = norm(gradients)
    var compared = 0
    for parameter in fixture.replica.layout.parameters {
      let key = "gradient." + parameter.spec.name
      try #require(fixture.tensors.entry(key) != nil, "\(key)")
      let want = try fixture.tensors.floats(key)
      let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
      #expect(error <= 1e-4 * max(norm(want), 1e-3 * whole), "\(name): \(parameter.spec.name)")
      compared += 1
    }
    #expect(compared >= 10)
  }

  /// The gradient of a step whose samples are compared with each other does not depend on how it is cut: what the
  /// micro-batches carry backward is that of all samples at once.
  @Test(arguments: ["pairs", "triplets", "scores", "matryoshka", "dots"])
  func aJointGradientDoesNotDependOnTheCut(
    _ name: String
  ) throws {
    let fixture = try Case(name)
    let (replica, batch) = (fixture.replica, fixture.batch)
    let (_, whole) = gradient(of: replica, batch)
    var sequences = TokenSequences(files: ["f"])
    for row in 0..<batch.rows {
      let tokens = batch.tokens[row * batch.length..<row * batch.length + Int(batch.lengths[row])]
      sequences.append(
        tokens, zeroTypes: tokens.count, numbers: batch.numbers.isEmpty ? [] : [batch.numbers[row]],
        source: SampleSource(file: 0, line: row / batch.rowsPerSample + 1))
    }
    let z = replica.rehearse(batch, .none)
    let given = replica.objective.joint(
      z, of: 0..<batch.rows, in: sequences.grouped(by: batch.rowsPerSample), units: batch.targetCount,
      replica.engine)
    let width = given.count / batch.rows
    var sum = [Float](repeating: 0, count: whole.count)
    var loss = 0.0
    for sample in 0..<batch.targetCount {
      let rows = sample * batch.rowsPerSample..<(sample + 1) * batch.rowsPerSample
      var part = Batch(
        rows: rows.count, length: batch.length,
        tokens: Array(batch.tokens[rows.lowerBound * batch.length..<rows.upperBound * batch.length]),
        targets: [Int32](repeating: Batch.noTarget, count: rows.count * batch.length),
        positions: (0..<rows.count * batch.length).map { Int32($0 % batch.length) },
        lengths: Array(batch.lengths[rows]), sampleIDs: rows.map { Int32($0) }, sequences: Array(rows),
        targetCount: 1)
      part.rowsPerSample = batch.rowsPerSample
      part.rowGradients = Array(given[rows.lowerBound * width..<rows.upperBound * width])
      let (own, gradients) = gradient(of: replica, part)
      loss += own
      for index in sum.indices { sum[index] += gradients[index] }
    }
    #expect(
      abs(loss / Double(batch.targetCount) / (try #require(fixture.expected["loss"]?.double)) - 1) <= 1e-5)
    #expect(relativeError(sum, whole) <= 1e-5, "\(name)")
  }
}
