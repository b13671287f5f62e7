// Numbers for each row, by squared error, as `…ForSequenceClassification` of transformers with one label.
import Base
import Datasets
import Graph
import Metrics
import Models

package struct Regression: Objective {
  package static let name = "regression"
  package static let unit = LossUnit.rows
  package static let format: DataFormat? = .regression
  /// How many numbers a row has; nil to take as many as the data has.
  private let numbers: Int?

  package init(_ settings: Section) { numbers = nil }

  private init(numbers: Int) { self.numbers = numbers }

  package init?(evaluating model: ModelDescription) {
    guard case .labels(let labels, .number) = model.head else { return nil }
    numbers = labels.count
  }

  package var settings: JSON? { .object(["name": .string(Self.name), "numbers": .integer(numbers ?? 1)]) }
  package var head: Head { .labels(Head.unnamedLabels(numbers ?? 1), .number) }

  package func settled(by data: DataOptions) throws -> Regression {
    numbers == nil ? Regression(numbers: try data.numbersOfARow()) : self
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    guard let zBK = head.record(hidden, of: model.family, on: graph) else {
      preconditionFailure("the head gives numbers")
    }
    graph.squaredError(zBK)
  }

  package var outputs: OutputForm { .perSequence }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    var (given, wanted) = ([Double](), [Double]())
    for row in 0..<evaluated.sequences.count {
      let numbers = evaluated.sequences.numbers(of: row)
      guard !numbers.first!.isNaN else { continue }
      given += evaluated[row]
      wanted += numbers.map(Double.init)
    }
    guard !given.isEmpty else { return [] }
    let squares = zip(given, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return [
      Scalar("mse", squares / Double(given.count)), Scalar("pearson", Correlation.pearson(given, wanted)),
      Scalar("spearman", Correlation.spearman(given, wanted)),
    ]
  }

  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    let mistakes = (0..<evaluated.sequences.count).compactMap { sequence -> Mistake? in
      let wanted = evaluated.sequences.numbers(of: sequence).map(Double.init)
      guard !wanted[0].isNaN else { return nil }
      let given = Array(evaluated[sequence])
      let squares = zip(given, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      return Mistake(
        row: evaluated.row(of: sequence), gold: Self.json(wanted), predicted: Self.json(given),
        confidence: nil,
        loss: squares / Double(given.count), facts: [("error", Self.json(zip(given, wanted).map { $0 - $1 }))]
      )
    }
    return mistakes.worstTenth(ofRows: mistakes.count)
  }

  /// A number, or the list of several.
  private static func json(_ numbers: [Double]) -> JSON {
    let all = numbers.map { JSON.number(Mistake.rounded($0)) }
    return all.count == 1 ? all[0] : .array(all)
  }

  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] {
    let numbers = evaluated[row].map { JSON.number($0) }
    return [("score", numbers.count == 1 ? numbers[0] : .array(numbers))]
  }
}
