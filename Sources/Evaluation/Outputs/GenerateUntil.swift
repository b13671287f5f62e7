// generate_until: a text that the model writes, compared with the right ones.
import Base
import Templates

struct GenerateUntil: OutputType {
  static let name = "generate_until"
  static let metrics = ["exact_match", "bleu", "chrf"]
  static let usualMetrics = ["exact_match"]

  func check(_ task: TaskDefinition, _ keys: Section) {
    for (key, field) in [("doc_to_text", task.text), ("doc_to_target", task.target)]
    where field == nil && !keys.isPython(key) {
      keys.fail(key, "is missing")
    }
  }

  func requests(_ item: Item, _ task: TaskDefinition, isChat: Bool) throws -> [Request] {
    [Request(kind: .generation(context: item.contexts[0]))]
  }

  func score(_ item: Item, _ answers: [JSON], _ task: TaskDefinition) throws -> RowMetrics {
    let answer = answers[0]
    let golds = try golds(item, answer, task)
    let areSeveral = item.target.elements != nil && item.choices.isEmpty
    return try task.metrics.map { metric in
      if let matching = metric.matching {
        let hits = try golds.map { try matching.agrees(answer, with: $0, task) }
        return (metric.name, .number(hits.contains(true) ? 1 : 0))
      }
      let pairs = golds.map { JSON.array([.string($0), answer]) }
      return (metric.name, areSeveral ? .number(pairs.isEmpty ? 0 : 1) : pairs[0])
    }
  }

  private func golds(_ item: Item, _ answer: JSON, _ task: TaskDefinition) throws -> [[UInt8]] {
    if !item.choices.isEmpty {
      guard let place = item.target.index, item.choices.indices.contains(place) else {
        throw task.mistake("doc_to_target gives no number of a choice")
      }
      return [item.choices[place]]
    }
    if let several = item.target.elements { return several.map { PythonLiteral.text($0) } }
    return [PythonLiteral.text(item.target)]
  }
}

/// Whether an answer is the right one, as the harness compares them.
struct ExactMatching: Sendable {
  static let name = "exact_match"
  private var ignored: [Pattern] = []
  private var ignoresCase = false
  private var ignoresPunctuation = false
  private var ignoresNumbers = false

  init() {}

  init(_ keys: Section) {
    ignoresCase = keys.bool("ignore_case", default: false)
    ignoresPunctuation = keys.bool("ignore_punctuation", default: false)
    ignoresNumbers = keys.bool("ignore_numbers", default: false)
    if keys.has("regexes_to_ignore") {
      ignored = FilterPipeline.patterns(keys, "regexes_to_ignore")
    }
  }

  func agrees(_ answer: JSON, with gold: [UInt8], _ task: TaskDefinition) throws -> Bool {
    try normal(PythonLiteral.text(answer), task) == normal(gold, task)
  }

  private func normal(_ text: [UInt8], _ task: TaskDefinition) throws -> [UInt8] {
    var text = text
    for pattern in ignored {
      do throws(PatternMistake) {
        text = Array(try pattern.replacing(String(decoding: text, as: UTF8.self), by: "").utf8)
      } catch { throw task.mistake("a pattern of regexes_to_ignore \(error.what)") }
    }
    if ignoresCase { text = PythonText.lowercased(text) }
    if ignoresPunctuation {
      text.removeAll {
        (0x21...0x2F).contains($0) || (0x3A...0x40).contains($0) || (0x5B...0x60).contains($0)
          || (0x7B...0x7E).contains($0)
      }
    }
    if ignoresNumbers { text.removeAll { (0x30...0x39).contains($0) } }
    return text
  }
}
