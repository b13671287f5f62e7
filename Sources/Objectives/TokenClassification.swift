// A label for each word, such as its part of speech or the entity that it belongs to, as `…ForTokenClassification` of
// transformers: a cross-entropy over the first tokens of words.
import Base
import Datasets
import Graph
import Kernels
import Metrics
import Models

package struct TokenClassification: Objective {
  package static let name = "token_classification"
  package static let unit = LossUnit.words
  package static let format: DataFormat? = .tokenClassification
  /// In the order of their numbers; nil to take those of the data, sorted.
  private let labels: [String]?
  private let form: LabelLossForm

  package init(_ settings: Section) {
    form = LabelLossForm(smoothing: settings.labelSmoothing())
    guard settings.has("labels") else {
      labels = nil
      return
    }
    let names = settings.texts("labels", default: [])
    for mistake in Labels.mistakes(names, setting: "labels") {
      settings.fail(mistake.place, mistake.what, hint: mistake.hint)
    }
    for mistake in TagScheme.mistakes(names) { settings.fail("labels", mistake) }
    labels = names
  }

  private init(labels: [String], form: LabelLossForm) {
    self.labels = labels
    self.form = form
  }

  package init?(evaluating model: ModelDescription) {
    guard case .tokenLabels(let labels) = model.head else { return nil }
    self.init(labels: labels, form: LabelLossForm())
  }

  private var known: [String] {
    guard let labels else { preconditionFailure("the labels of the data are not known yet") }
    return labels
  }

  package var settings: JSON? {
    .object(
      members: [("name", .string(Self.name)), ("labels", .array(known.map { .string($0) }))]
        + (isSmoothed ? [("label_smoothing", .number(form.smoothing))] : []))
  }

  package var head: Head { .tokenLabels(known) }
  package var isSmoothed: Bool { form.smoothing > 0 }
  package func prepare(_ data: inout DataOptions) { data.labels = labels }

  package func settled(by data: DataOptions) throws -> TokenClassification {
    guard labels == nil else { return self }
    let found = try Labels.found(in: data)
    let mistakes = TagScheme.mistakes(found)
    guard mistakes.isEmpty else {
      throw UserErrors(mistakes.map { UserError(.data, $0, at: data.names.data) })
    }
    return TokenClassification(labels: found, form: form)
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    guard let zMK = head.record(hidden, of: model.family, on: graph) else {
      preconditionFailure("the head gives logits")
    }
    graph.labelLoss(zMK, at: .targets, form: form)
  }

  /// For each label: words that have it, words that were given it, and both.
  package var counts: Int { 3 * known.count }

  package func scalars(ofStep sums: LossSums) -> [Scalar] {
    sums.units > 0 ? [Scalar("accuracy", LabelMeasures(sums.counts).accuracy)] : []
  }

  package var outputs: OutputForm { .perToken }
  package static let readsRows = true

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    guard evaluated.sums.units > 0 else { return [] }
    let accuracy = Scalar("accuracy", LabelMeasures(evaluated.sums.counts).accuracy)
    guard TagScheme(known) != nil else {
      return [accuracy, Scalar("f1_macro", LabelMeasures(evaluated.sums.counts).f1Macro)]
    }
    var measures = EntityMeasures()
    for row in 0..<evaluated.sequences.count {
      let words = words(row, evaluated)
      measures.count(words.map { known[$0.label] }, predicted: words.map { known[$0.given] })
    }
    let types = measures.byType.sorted { $0.key < $1.key }
    return [
      Scalar("entity_f1", measures.all.f1), Scalar("entity_precision", measures.all.precision),
      Scalar("entity_recall", measures.all.recall), accuracy,
      Scalar("entity_f1_per_type", types.map { ($0.key, $0.value.f1) }),
    ]
  }

  /// The labels of the words that the model has seen.
  private func words(
    _ row: Int, _ evaluated: Evaluated
  ) -> [(label: Int, given: Int, scores: ArraySlice<Double>)] {
    let range = evaluated.sequences.tokenRange(of: row)
    let scores = evaluated[row]
    return range.enumerated().compactMap { place, token in
      let label = evaluated.sequences.tokenLabels[token]
      guard label != Batch.noTarget else { return nil }
      let start = scores.startIndex + place * known.count
      let own = scores[start..<start + known.count]
      return (Int(label), Evaluated.largest(own), own)
    }
  }

  package func mistakes(of evaluated: Evaluated) -> [Mistake] {
    let marksEntities = TagScheme(known) != nil
    return (0..<evaluated.sequences.count).flatMap { row -> [Mistake] in
      let words = words(row, evaluated)
      guard words.contains(where: { $0.label != $0.given }) else { return [] }
      let texts: [[UInt8]] =
        if case .words(let texts, _)? = evaluated.example(row) { texts } else { [] }
      let labelled = LabelledWords(
        labels: words.map { known[$0.label] }, given: words.map { known[$0.given] },
        confidences: words.map { $0.scores[$0.scores.startIndex + $0.given] },
        places: evaluated.places(of: texts), texts: texts)
      return marksEntities
        ? labelled.wrongEntities(row: row)
        : labelled.wrongLabels(row: row) {
          Mistake.loss(ofProbability: words[$0].scores[words[$0].scores.startIndex + words[$0].label])
        }
    }
  }

  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] {
    guard case .words(let texts, _)? = evaluated.example(row) else { return [] }
    // A word that has no token, or is cut off, has no label.
    var labels = [JSON](repeating: .null, count: texts.count)
    for (place, word) in zip(evaluated.places(of: texts), words(row, evaluated)) {
      labels[place] = .string(known[word.given])
    }
    return [("labels", .array(labels))]
  }
}

/// How labels mark where entities begin and end.
private enum TagScheme {
  case bio
  case bioes

  /// nil where labels mark no entities, such as parts of speech.
  init?(_ labels: [String]) {
    let prefixes = Set(labels.filter { $0 != "O" }.map { $0.prefix(2) })
    guard labels.contains("O"), !prefixes.isEmpty, prefixes.isSubset(of: ["B-", "I-", "E-", "S-"]) else {
      return nil
    }
    self = prefixes.isSubset(of: ["B-", "I-"]) ? .bio : .bioes
  }

  /// What is wrong with labels of which some mark entities, and others fit into no scheme.
  static func mistakes(_ labels: [String]) -> [String] {
    let marks = labels.filter { ["B-", "I-", "E-", "S-", "L-", "U-"].contains($0.prefix(2)) }
    guard labels.contains("O"), !marks.isEmpty else { return [] }
    let strange = labels.filter { label in
      label != "O" && !["B-", "I-", "E-", "S-"].contains(label.prefix(2)) || label.count == 2
    }
    return strange.sorted().map {
      "the label \($0.quoted) is none of BIO or BIOES, as \(marks[0].quoted) is: B-, I-, E- or S- and a type, or O"
    }
  }
}
