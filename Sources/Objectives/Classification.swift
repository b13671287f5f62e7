// One label for each row, as `…ForSequenceClassification` of transformers is trained: cross-entropy over the labels.
import Base
import Datasets
import Graph
import Models

package struct Classification: Objective {
  package static let name = "classification"
  package static let unit = LossUnit.rows
  package static let format: DataFormat? = .classification
  /// In the order of their numbers; nil to take those of the data, sorted.
  package let labels: [String]?

  package init(_ settings: Section) {
    guard settings.has("labels") else {
      labels = nil
      return
    }
    let given = settings.texts("labels", default: [])
    for mistake in Labels.mistakes(given, setting: "labels") {
      settings.fail(mistake.place, mistake.what, hint: mistake.hint)
    }
    labels = given
  }

  package init(labels: [String]) { self.labels = labels }

  package init?(evaluating model: ModelDescription) {
    guard case .labels(let labels, .one) = model.head else { return nil }
    self.labels = labels
  }

  private var known: [String] {
    guard let labels else { preconditionFailure("the labels of the data are not known yet") }
    return labels
  }

  package var settings: JSON? {
    .object(["name": .string(Self.name), "labels": .array(known.map { .string($0) })])
  }

  package var head: Head { .labels(known) }

  package func prepare(_ data: inout DataOptions) {
    data.labels = labels
  }

  package func settled(by data: DataOptions) throws -> Classification {
    labels == nil ? Classification(labels: try Labels.found(in: data)) : self
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    guard let zBK = head.record(hidden, of: model.family, on: graph) else {
      preconditionFailure("the head gives logits")
    }
    graph.labelLoss(zBK)
  }

  /// For each label: rows that have it, rows that were given it, and both.
  package var counts: Int { 3 * known.count }

  package func scalars(ofStep sums: LossSums) -> [Scalar] {
    sums.units > 0 ? [Scalar("accuracy", LabelMeasures(sums.counts).accuracy)] : []
  }

  package func scalars(ofEvaluation sums: LossSums) -> [Scalar] {
    guard sums.units > 0 else { return [] }
    let measures = LabelMeasures(sums.counts)
    return [Scalar("accuracy", measures.accuracy), Scalar("f1_macro", measures.f1Macro)]
  }
}
