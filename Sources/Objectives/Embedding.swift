// Texts as points: what belongs together lies close (Reimers and Gurevych 2019, as sentence-transformers trains it). Pairs
// and triplets learn against all texts of the step, pairs with a score learn that score.
import Base
import Datasets
import Foundation
import Graph
import Kernels
import Metrics
import Models

package struct Embedding: Objective {
  package static let name = "embedding"
  package static let unit = LossUnit.rows
  package static let format: DataFormat? = .embedding
  package static let isJoint = true
  package static let comparesRows = true
  /// Sums of gradients keep the order of micro-batches: with these, results do not depend on what a recipe says.
  package static let microBatchSize: Int? = 4
  /// How many samples are compared where a model is measured.
  private static let group = 64

  package enum Pooling: String, CaseIterable, Sendable {
    case mean
    case first = "cls"
    case last
  }
  package enum Similarity: String, CaseIterable, Sendable { case cosine, dot }

  private let pooling: Pooling
  let form: ContrastiveForm

  package init(_ settings: Section) {
    pooling = settings.choice("pooling", default: .mean)
    let similarity: Similarity = settings.choice("similarity", default: .cosine)
    form = ContrastiveForm(
      scale: settings.number("scale", default: similarity == .cosine ? 20 : 1, in: 1e-3...1e4),
      isCosine: similarity == .cosine, sizes: Self.sizes(settings))
  }

  /// `matryoshka_dims` as sentence-transformers names them.
  private static func sizes(_ settings: Section) -> [Int] {
    guard let given = settings.raw("matryoshka_dims") else { return [] }
    settings.record("matryoshka_dims", given)
    let sizes = given.elements?.compactMap(\.integer) ?? []
    guard let elements = given.elements, sizes.count == elements.count, sizes.allSatisfy({ $0 > 0 }) else {
      settings.fail("matryoshka_dims", "must be a list of sizes, such as [384, 128, 64]")
      return []
    }
    return sizes
  }

  package init?(evaluating model: ModelDescription) {
    guard model.head == .none, let stored = SentenceModules.stored(in: model.folder) else { return nil }
    pooling = stored.pooling
    form = ContrastiveForm(scale: stored.isNormalized ? 20 : 1, isCosine: stored.isNormalized)
  }

  package var settings: JSON? {
    .object([
      "name": .string(Self.name), "pooling": .string(pooling.rawValue), "scale": .number(form.scale),
      "similarity": .string((form.isCosine ? Similarity.cosine : .dot).rawValue),
      "matryoshka_dims": .array(form.sizes.map { .integer($0) }),
    ])
  }

  package var head: Head { .none }

  package func check(_ model: ModelDescription) throws {
    guard let size = form.sizes.first(where: { $0 > model.width }) else { return }
    throw UserError(
      .usage, "holds \(size), and embeddings of the model have \(model.width) numbers",
      at: "task.matryoshka_dims")
  }

  package func companions(of model: ModelDescription) -> [(name: String, bytes: [UInt8])] {
    SentenceModules(pooling: pooling, isNormalized: form.isCosine).files(
      width: model.width, longest: model.family.maximumLength)
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    let zBC =
      switch pooling {
      case .mean: graph.mean(hidden)
      case .first: graph.token(hidden, .first)
      case .last: graph.token(hidden, .last)
      }
    let rows = graph.shape.rowsPerSample
    graph.jointLoss(zBC) { [form] engine, z, count, width, numbers, scale, dz, losses in
      form.loss(
        engine, z, samples: count / rows, rows: rows, width: width, numbers: numbers, scale: scale, dz: dz,
        losses: losses)
    }
  }

  package func joint(
    _ z: [Float], of rows: some Collection<Int>, in sequences: TokenSequences, units: Int, _ engine: Engine
  ) -> [Float] {
    let width = z.count / rows.count
    let samples = rows.count / sequences.rowsPerSample
    var gradients = [Float](repeating: 0, count: z.count)
    var losses = [Double](repeating: 0, count: samples)
    let numbers = rows.flatMap { sequences.numbers(of: $0) }
    gradients.withUnsafeMutableBufferPointer { dz in
      losses.withUnsafeMutableBufferPointer { losses in
        numbers.withUnsafeBufferPointer { numbers in
          form.loss(
            engine, z, samples: samples, rows: sequences.rowsPerSample, width: width,
            numbers: numbers.isEmpty ? nil : numbers.baseAddress, scale: 1 / Float(max(units, 1)),
            dz: dz.baseAddress, losses: losses.baseAddress!)
        }
      }
    }
    return (0..<rows.count).flatMap { row -> [Float] in
      let isFirst = row % sequences.rowsPerSample == 0
      let loss = isFirst ? Float(losses[row / sequences.rowsPerSample]) : 0
      return gradients[row * width..<(row + 1) * width] + [loss]
    }
  }

  package var outputs: OutputForm { .perSequence }

  package func loss(of evaluated: Evaluated, _ engine: Engine) -> Double? {
    let sequences = evaluated.sequences
    guard sequences.rowsPerSample > 1 else { return 0 }
    let size = Self.group * sequences.rowsPerSample
    var sum = 0.0
    for first in stride(from: 0, to: sequences.count, by: size) {
      let rows = first..<min(first + size, sequences.count)
      let z = rows.flatMap { evaluated[$0].map(Float.init) }
      let given = joint(z, of: rows, in: sequences, units: 1, engine)
      let width = z.count / rows.count + 1
      for row in 0..<rows.count { sum += Double(given[(row + 1) * width - 1]) }
    }
    return sum
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    let sequences = evaluated.sequences
    let rows = sequences.rowsPerSample
    guard rows > 1, sequences.samples > 0 else { return [] }
    let points = points(evaluated)
    if sequences.numbersPerSequence > 0 {
      let given = (0..<sequences.samples).map {
        Double(Self.similarity(points[rows * $0], points[rows * $0 + 1]))
      }
      let wanted = (0..<sequences.samples).map { Double(sequences.numbers(of: rows * $0).first!) }
      return [
        Scalar("spearman", Correlation.spearman(given, wanted)),
        Scalar("pearson", Correlation.pearson(given, wanted)),
      ]
    }
    var measures = RankingMeasures()
    for sample in 0..<sequences.samples {
      measures.count(Self.scores(of: sample, among: points, rows: rows), right: sample)
    }
    return [1, 5, 10].map { Scalar("recall_at_\($0)", measures.recall(at: $0)) } + [
      Scalar("mrr", measures.meanReciprocalRank)
    ]
  }

  func points(_ evaluated: Evaluated) -> [[Float]] {
    (0..<evaluated.sequences.count).map { point(evaluated[$0]) }
  }

  static func similarity(_ a: [Float], _ b: [Float]) -> Float {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in a.indices.reduce(Float(0)) { $0 + a[$1] * b[$1] } }
    }
  }

  /// How like the first text of a sample the second ones of all samples are.
  static func scores(of sample: Int, among points: [[Float]], rows: Int) -> [Float] {
    stride(from: 1, to: points.count, by: rows).map { similarity(points[rows * sample], points[$0]) }
  }

  /// An embedding as it is compared.
  func point(_ z: ArraySlice<Double>) -> [Float] {
    let norm = form.isCosine ? max(z.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12) : 1
    return z.map { Float($0 / norm) }
  }

  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] {
    let first = evaluated.fileRows[row].lowerBound
    return [("embedding", .array(point(evaluated[first]).map { .number(Double($0)) }))]
  }
}

extension ContrastiveForm {
  /// The losses of samples with scores, or without.
  fileprivate func loss(
    _ engine: Engine, _ z: UnsafePointer<Float>, samples: Int, rows: Int, width: Int,
    numbers: UnsafePointer<Float>?,
    scale: Float, dz: UnsafeMutablePointer<Float>?, losses: UnsafeMutablePointer<Double>
  ) {
    if let numbers {
      engine.similarityLoss(
        z, samples: samples, width: width, scores: { numbers[2 * $0] }, form: self, scale: scale, dz: dz,
        losses: losses)
    } else if rows > 1 {
      engine.contrastiveLoss(
        z, samples: samples, rows: rows, width: width, form: self, scale: scale, dz: dz, losses: losses)
    }
  }
}
