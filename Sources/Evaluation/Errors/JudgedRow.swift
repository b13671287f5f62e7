// A row that a model has answered, as a line of samples_TASK.jsonl tells it: this program's, or lm-evaluation-harness's.
import Base
import Foundation

package struct JudgedRow: Sendable {
  package let task: String
  /// Its number in the task.
  package let number: Int
  package let isRight: Bool
  /// The end of what was asked.
  package let question: String
  let given: String
  let gold: String
  /// The probability of the answer among all choices; nil where there are none.
  let confidence: Double?
  /// The numbers of the right and the given choice; nil where there are none.
  let classes: (gold: Int, given: Int, count: Int)?
  /// What rows are grouped by.
  let features: [(name: String, value: String)]

  /// The metrics that tell whether a row is right, the first that a row has counts.
  private static let judges = ["acc", "exact_match", "acc_norm", "bleu_acc", "rouge1_acc"]
  private static let texts = [
    "question", "query", "question_stem", "goal", "sentence", "premise", "ctx", "text",
  ]

  /// - Returns: nil for a row that is neither right nor wrong, such as a text whose perplexity was measured.
  init?(_ sample: JSON, task: String) {
    guard let judge = Self.judges.first(where: { sample[$0]?.double != nil }),
      let value = sample[judge]?.double, let number = sample["doc_id"]?.integer
    else { return nil }
    self.task = task
    self.number = number
    isRight = value >= 0.5
    let doc = sample["doc"] ?? .null
    let arguments = (sample["arguments"]?.members ?? []).map(\.value)
    let prompt = arguments.first?["arg_0"]?.text ?? ""
    question = String(prompt.suffix(600))
    let target = sample["target"]?.text ?? ""
    var right = target
    let answers = sample["filtered_resps"]?.elements ?? []
    var scores = answers.compactMap { $0.elements?.first?.text.flatMap { Double($0) } }
    if sample["acc_mutual_info"] != nil { scores = Array(scores.prefix(scores.count / 2)) }
    if scores.count > 1, scores.count <= arguments.count {
      let best = MultipleChoice.largest(scores)
      confidence = MultipleChoice.softmax(scores)[best]
      let texts = arguments.prefix(scores.count).map { argument in
        arguments[0]["arg_1"] == arguments[1]["arg_1"]
          ? argument["arg_0"]?.text ?? "" : argument["arg_1"]?.text ?? ""
      }.map(RegexMatch.stripped)
      given = texts[best]
      let place = Int(target) ?? texts.firstIndex(of: RegexMatch.stripped(target))
      if let place, texts.indices.contains(place) { right = texts[place] }
      classes = place.flatMap { texts.indices.contains($0) ? ($0, best, scores.count) : nil }
    } else {
      confidence = nil
      classes = nil
      given = answers.first?.text ?? answers.first?.elements?.first?.text ?? ""
    }
    gold = right
    let asked = Self.texts.lazy.compactMap { doc[$0]?.text }.first ?? question
    var features = [("task", task)]
    for (name, keys) in [
      ("subject", ["subject", "category", "activity_label", "topic"]),
      ("source", ["source", "Source", "dataset"]),
    ] {
      if let value = keys.lazy.compactMap({ doc[$0]?.text }).first, value.count <= 80 {
        features.append((name, value))
      }
    }
    features.append(("length", Self.length(prompt.utf8.count)))
    if let classes { features.append(("right choice", "\(classes.gold)")) }
    features.append(("question word", Self.questionWord(asked)))
    self.features = features
  }

  /// Bytes of a prompt, in powers of two.
  private static func length(_ bytes: Int) -> String {
    var limit = 64
    while limit < bytes { limit *= 2 }
    return "up to \(limit) bytes"
  }

  private static let questionWords = ["what", "which", "who", "whom", "whose", "when", "where", "why", "how"]

  /// The first of these words in the last question.
  private static func questionWord(_ text: String) -> String {
    let part = text.split(separator: "?").last.map(String.init) ?? text
    let words = part.lowercased().split { !$0.isLetter }
    return words.first { questionWords.contains(String($0)) }.map(String.init) ?? "none"
  }
}

/// The rows of a folder with results.
package struct JudgedRows: Sendable {
  package let folder: String
  package private(set) var rows: [JudgedRow] = []
  /// Rows that are neither right nor wrong.
  package private(set) var unjudged = 0
  /// Rows that are wrong, in their order.
  package var mistakes: [JudgedRow] { rows.filter { !$0.isRight } }

  /// - Throws: where the folder holds no samples, or a line is none.
  package init(folder: String) throws {
    self.folder = folder
    guard let all = try? Base.names(inFolder: folder) else {
      throw UserError(
        .usage, "there is no folder \(folder)", hint: "give the output of swiftdp evaluate --tasks")
    }
    let files = all.filter { $0.hasPrefix("samples_") && $0.hasSuffix(".jsonl") }.sorted()
    guard !files.isEmpty else {
      throw UserError(
        .data, "holds no samples_TASK.jsonl", at: folder, hint: "give the output of swiftdp evaluate --tasks")
    }
    for file in files {
      let task = Self.task(file)
      let path = "\(folder)/\(file)"
      var firstFilter: JSON?
      for (number, line) in try OpenFile.contents(path).split(separator: 0x0A).enumerated() {
        let sample: JSON
        do throws(JSON.ParseError) { sample = try JSON.parse(Array(line), takesLargeNumbers: true) } catch {
          throw UserError(.data, "is not JSON: \(error)", at: "\(path):\(number + 1)")
        }
        guard sample.members != nil else {
          throw UserError(.data, "is \(sample.kind), where an object is meant", at: "\(path):\(number + 1)")
        }
        // A task has its rows once for each filter; the first one counts.
        firstFilter = firstFilter ?? sample["filter"]
        guard sample["filter"] == firstFilter else { continue }
        if let row = JudgedRow(sample, task: task) { rows.append(row) } else { unjudged += 1 }
      }
    }
    guard !rows.isEmpty else {
      throw UserError(.data, "holds no rows that are right or wrong", at: folder)
    }
  }

  /// The harness puts a time behind the name.
  private static func task(_ file: String) -> String {
    let name = String(file.dropFirst("samples_".count).dropLast(".jsonl".count))
    guard let place = name.lastIndex(of: "_") else { return name }
    let last = name[name.index(after: place)...]
    return last.count >= 19 && last.first?.isNumber == true && last.contains("T")
      ? String(name[..<place]) : name
  }
}
