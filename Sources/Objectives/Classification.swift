// Labels for each row, as `…ForSequenceClassification` of transformers is trained: one of several that exclude each
// other by cross-entropy, or each that holds by binary cross-entropy.
import Base
import Datasets
import Foundation
import Graph
import Kernels
import Metrics
import Models

package struct Classification: Objective {
  package static let name = "classification"
  package static let unit = LossUnit.rows
  package static let format: DataFormat? = .classification
  /// In the order of their numbers; nil to take those of the data, sorted.
  package let labels: [String]?
  /// Whether a row may have several.
  package let isMultiple: Bool
  private let form: LabelLossForm
  /// Of labels by name, until their numbers are known.
  private let weights: [String: Double]

  package init(_ settings: Section) {
    isMultiple = settings.bool("multi_label", default: false)
    let smoothing = settings.number("label_smoothing", default: 0, in: 0...0.999)
    let focus = settings.number("focal_gamma", default: 0, in: 0...10)
    if smoothing > 0, focus > 0 {
      settings.fail("focal_gamma", "is set beside label_smoothing", hint: "choose one of them")
    }
    form = LabelLossForm(smoothing: smoothing, focus: smoothing > 0 ? 0 : focus)
    let given = settings.section("class_weights")
    weights = Dictionary(
      given.names.map { ($0, given.number($0, default: 1, in: 0...1e6)) },
      uniquingKeysWith: { first, _ in first })
    guard settings.has("labels") else {
      labels = nil
      return
    }
    let names = settings.texts("labels", default: [])
    for mistake in Labels.mistakes(names, setting: "labels") {
      settings.fail(mistake.place, mistake.what, hint: mistake.hint)
    }
    for name in weights.keys.sorted() where !names.contains(name) {
      given.fail(
        name, "is no label", hint: nearest(to: name, among: names).map { "did you mean \($0)?" } ?? "")
    }
    labels = names
  }

  package init(labels: [String], isMultiple: Bool = false) {
    self.init(labels: labels, isMultiple: isMultiple, form: LabelLossForm(), weights: [:])
  }

  private init(labels: [String], isMultiple: Bool, form: LabelLossForm, weights: [String: Double]) {
    self.labels = labels
    self.isMultiple = isMultiple
    self.form = form
    self.weights = weights
  }

  package init?(evaluating model: ModelDescription) {
    guard case .labels(let labels, let kind) = model.head, kind != .number else { return nil }
    self.init(labels: labels, isMultiple: kind == .several)
  }

  /// Of the labels in the order of their numbers.
  package var weightOfLabels: [Double] { known.map { weights[$0] ?? 1 } }
  /// Whether the loss is another than cross-entropy.
  package var isSmoothedOrFocused: Bool { form.smoothing > 0 || form.focus > 0 }

  private var known: [String] {
    guard let labels else { preconditionFailure("the labels of the data are not known yet") }
    return labels
  }

  package var settings: JSON? {
    var members = [
      ("name", JSON.string(Self.name)), ("labels", .array(known.map { .string($0) })),
    ]
    if isMultiple { members.append(("multi_label", .bool(true))) }
    if form.smoothing > 0 { members.append(("label_smoothing", .number(form.smoothing))) }
    if form.focus > 0 { members.append(("focal_gamma", .number(form.focus))) }
    if !weights.isEmpty {
      let sorted = weights.sorted { $0.key < $1.key }
      members.append(("class_weights", Scalar("", sorted.map { ($0.key, $0.value) }).value))
    }
    return .object(members: members)
  }

  package var head: Head { .labels(known, isMultiple ? .several : .one) }

  package func prepare(_ data: inout DataOptions) {
    data.labels = labels
    data.wishes.takesSeveralLabels = isMultiple
  }

  package func settled(by data: DataOptions) throws -> Classification {
    let names: [String]
    if let labels {
      names = labels
    } else {
      var data = data
      prepare(&data)
      names = try Labels.found(in: data)
    }
    for name in weights.keys.sorted() where !names.contains(name) {
      throw UserError(
        .usage, "is no label of the data", at: "task.class_weights.\(name)",
        hint: nearest(to: name, among: names).map { "did you mean \($0)?" } ?? "")
    }
    return Classification(labels: names, isMultiple: isMultiple, form: form, weights: weights)
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    guard let zBK = head.record(hidden, of: model.family, on: graph) else {
      preconditionFailure("the head gives logits")
    }
    var form = form
    if !weights.isEmpty { form.weights = known.map { Float(weights[$0] ?? 1) } }
    if isMultiple { graph.severalLabelsLoss(zBK, form: form) } else { graph.labelLoss(zBK, form: form) }
  }

  /// For each label: rows that have it, rows that were given it, and both.
  package var counts: Int { 3 * known.count }

  package func scalars(ofStep sums: LossSums) -> [Scalar] {
    guard sums.units > 0 else { return [] }
    let measures = LabelMeasures(sums.counts)
    return [isMultiple ? Scalar("f1_micro", measures.f1Micro) : Scalar("accuracy", measures.accuracy)]
  }

  package var outputs: OutputForm { .perSequence }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    guard evaluated.sums.units > 0 else { return [] }
    let measures = LabelMeasures(evaluated.sums.counts)
    let perClass = Scalar("f1_per_class", Array(zip(known, measures.f1)))
    var calibration = Calibration()
    var matrix = ConfusionMatrix(labels: known.count)
    var exact = 0
    for row in 0..<evaluated.sequences.count {
      let numbers = evaluated.sequences.numbers(of: row)
      guard numbers.first! >= 0 else { continue }
      let scores = evaluated[row]
      if isMultiple {
        var isExact = true
        for (score, number) in zip(scores, numbers) {
          let isRight = (score > 0.5) == (number > 0.5)
          calibration.count(confidence: max(score, 1 - score), isRight: isRight)
          isExact = isExact && isRight
        }
        exact += isExact ? 1 : 0
      } else {
        let (label, given) = (Int(numbers.first!), Evaluated.largest(scores))
        matrix.count(label, predicted: given)
        calibration.count(confidence: scores[scores.startIndex + given], isRight: label == given)
      }
    }
    if isMultiple {
      return [
        Scalar("accuracy", Double(exact) / Double(evaluated.sums.units)),
        Scalar("f1_macro", measures.f1Macro),
        Scalar("f1_micro", measures.f1Micro), Scalar("calibration", calibration.error), perClass,
      ]
    }
    return [
      Scalar("accuracy", measures.accuracy), Scalar("f1_macro", measures.f1Macro),
      Scalar("f1_micro", measures.f1Micro), Scalar("mcc", matrix.matthews),
      Scalar("calibration", calibration.error), perClass,
      Scalar("confusion_matrix", .array(matrix.counts.map { .array($0.map { .integer($0) }) })),
    ]
  }

  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    (0..<evaluated.sequences.count).flatMap { sequence -> [Mistake] in
      let numbers = Array(evaluated.sequences.numbers(of: sequence))
      guard numbers[0] >= 0 else { return [] }
      let (scores, row) = (Array(evaluated[sequence]), evaluated.row(of: sequence))
      guard isMultiple else {
        let (label, given) = (Int(numbers[0]), Evaluated.largest(scores[...]))
        guard label != given else { return [] }
        let (gold, predicted) = (JSON.string(known[label]), JSON.string(known[given]))
        return [
          Mistake(
            row: row, gold: gold, predicted: predicted, confidence: scores[given],
            loss: Mistake.loss(ofProbability: scores[label]), classes: (gold, predicted))
        ]
      }
      return known.indices.compactMap { label in
        let (has, gets) = (numbers[label] > 0.5, scores[label] > 0.5)
        guard has != gets else { return nil }
        let name = JSON.string(known[label])
        return Mistake(
          row: row, gold: .bool(has), predicted: .bool(gets),
          confidence: gets ? scores[label] : 1 - scores[label],
          loss: Mistake.loss(ofProbability: has ? scores[label] : 1 - scores[label]),
          facts: [("label", name), ("probability", .number(Mistake.rounded(scores[label])))],
          classes: has ? (name, .null) : (.null, name))
      }
    }
  }

  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] {
    let scores = evaluated[row]
    let named = zip(known, scores)
    let all = JSON.object(named.map { JSON.Member(key: Array($0.utf8), value: .number($1)) })
    return isMultiple
      ? [("labels", .array(named.filter { $0.1 > 0.5 }.map { .string($0.0) })), ("scores", all)]
      : [("label", .string(known[Evaluated.largest(scores)])), ("scores", all)]
  }
}
