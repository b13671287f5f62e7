// Which of several endings fits, as `…ForMultipleChoice` of transformers: a cross-entropy over the endings of a row.
import Base
import Datasets
import Graph
import Metrics
import Models

package struct MultipleChoice: Objective {
  package static let name = "multiple_choice"
  package static let unit = LossUnit.rows
  package static let format: DataFormat? = .multipleChoice

  package init(_ settings: Section) {}
  package init?(evaluating model: ModelDescription) {
    guard model.head == .choices else { return nil }
  }

  package var settings: JSON? { .object(["name": .string(Self.name)]) }
  package var head: Head { .choices }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    guard let zB1 = head.record(hidden, of: model.family, on: graph) else {
      preconditionFailure("the head gives a number for each ending")
    }
    graph.choiceLoss(zB1)
  }

  package var outputs: OutputForm { .perSequence }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    let sequences = evaluated.sequences
    guard evaluated.sums.units > 0 else { return [] }
    let right = (0..<sequences.samples).count { sample in
      let first = sequences.numbers(of: sample * sequences.rowsPerSample).first!
      return Int(first) == Evaluated.largest(scores(sample, evaluated)[...])
    }
    return [Scalar("accuracy", Double(right) / Double(evaluated.sums.units))]
  }

  /// The probabilities of the endings that a row has.
  private func scores(_ sample: Int, _ evaluated: Evaluated) -> [Double] {
    let width = evaluated.sequences.rowsPerSample
    let rows = (sample * width..<(sample + 1) * width)
    return rows.filter { evaluated.sequences.numbers(of: $0).first! >= 0 }.map { evaluated[$0].first! }
  }

  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    let sequences = evaluated.sequences
    return (0..<sequences.samples).compactMap { sample in
      let first = sample * sequences.rowsPerSample
      let scores = scores(sample, evaluated)
      let (right, given) = (Int(sequences.numbers(of: first).first!), Evaluated.largest(scores[...]))
      guard right >= 0, right != given else { return nil }
      let (gold, predicted) = (JSON.integer(right), JSON.integer(given))
      return Mistake(
        row: evaluated.row(of: first), gold: gold, predicted: predicted, confidence: scores[given],
        loss: Mistake.loss(ofProbability: scores[right]), classes: (gold, predicted))
    }
  }

  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] {
    let scores = scores(row, evaluated)
    return [
      ("label", .integer(Evaluated.largest(scores[...]))), ("scores", .array(scores.map { .number($0) })),
    ]
  }
}
