// multiple_choice: which of several texts is the likeliest behind a question, or which of several questions before a text.
import Base
import Foundation

struct MultipleChoice: OutputType {
  static let name = "multiple_choice"
  static let metrics = [
    "acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match", "f1", "mcc", "brier_score",
  ]
  static let usualMetrics = ["acc", "acc_norm"]

  func check(_ task: TaskDefinition, _ keys: Section) {
    if task.step.map({ type(of: $0).givesChoices }) == true { return }
    for (key, field) in [
      ("doc_to_text", task.text), ("doc_to_choice", task.choices), ("doc_to_target", task.target),
    ] where field == nil && !keys.isPython(key) {
      keys.fail(key, "is missing")
    }
  }

  func requests(_ item: Item, _ task: TaskDefinition, isChat: Bool) throws -> [Request] {
    var delimiter = task.targetDelimiter
    // A template writes what stands before an answer.
    if isChat, !(task.prefixEndsOpen) { delimiter = [] }
    if item.rightInput != nil {
      let text = try delimiter + text(item.target, task)
      return item.contexts.map { Request(kind: .likelihood(context: $0, continuation: text)) }
    }
    let own = item.choices.map {
      Request(kind: .likelihood(context: item.contexts[0], continuation: delimiter + $0))
    }
    guard task.has("acc_mutual_info") else { return own }
    return own
      + item.choices.map { Request(kind: .likelihood(context: [], continuation: delimiter + $0)) }
  }

  private func text(_ json: JSON, _ task: TaskDefinition) throws -> [UInt8] {
    if let bytes = json.bytes { return bytes }
    guard let text = PythonicText.of(json) else { throw task.mistake("doc_to_target gives \(json.kind)") }
    return Array(text.utf8)
  }

  func score(_ item: Item, _ answers: [JSON], _ task: TaskDefinition) throws -> RowMetrics {
    let count = item.choices.count
    let all = try answers.map { try LogLikelihood.pair($0, task) }
    let scores = all.prefix(count).map(\.score)
    guard scores.count == count, count > 0 else { throw task.mistake("a row has no choices") }
    let lengths = item.choices.map { Double(String(decoding: $0, as: UTF8.self).unicodeScalars.count) }
    let bytes = item.choices.map { Double($0.count) }
    let best = Self.largest(scores)
    let right = try golds(item, task)
    func hits(_ place: Int) -> JSON { .number(right.contains(place) ? 1 : 0) }
    var metrics: RowMetrics = []
    func add(_ name: String, _ value: @autoclosure () -> JSON) {
      if task.has(name) { metrics.append((name, value())) }
    }
    let gold: JSON =
      item.target.elements == nil ? .integer(right.first ?? -100) : .array(right.map { .integer($0) })
    add("acc", hits(best))
    add("f1", .array([gold, .integer(best)]))
    add("mcc", .array([gold, .integer(best)]))
    add("acc_norm", hits(Self.largest(zip(scores, lengths).map { $0 / $1 })))
    add("acc_bytes", hits(Self.largest(zip(scores, bytes).map { $0 / $1 })))
    add("exact_match", .integer(right.contains { all.indices.contains($0) && all[$0].isLikeliest } ? 1 : 0))
    add("brier_score", .array([gold, .array(Self.softmax(scores).map { .number($0) })]))
    if all.count == 2 * count {
      let gains = (0..<count).map { all[$0].score - all[count + $0].score }
      add("acc_mutual_info", hits(Self.largest(gains)))
    }
    return metrics
  }

  /// The numbers of the right choices; none where the row names no choice.
  private func golds(_ item: Item, _ task: TaskDefinition) throws -> [Int] {
    func place(_ json: JSON) -> Int? {
      if let index = json.index { return index < item.choices.count ? index : nil }
      return json.bytes.flatMap { item.choices.firstIndex(of: $0) }
    }
    if let right = item.rightInput { return right < item.choices.count ? [right] : [] }
    if let several = item.target.elements { return several.compactMap(place) }
    return place(item.target).map { [$0] } ?? []
  }

  /// The first of the largest, as `numpy.argmax`: NaN is larger than all.
  static func largest(_ values: [Double]) -> Int {
    if let place = values.firstIndex(where: \.isNaN) { return place }
    return values.indices.dropFirst().reduce(0) { values[$1] > values[$0] ? $1 : $0 }
  }

  static func softmax(_ values: [Double]) -> [Double] {
    let peak = values.max() ?? 0
    let powers = values.map { exp($0 - peak) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

extension Section {
  /// Whether a key names a Python function, which is told elsewhere.
  func isPython(_ key: String) -> Bool { raw(key)?[TaskYAML.function] != nil }
}
