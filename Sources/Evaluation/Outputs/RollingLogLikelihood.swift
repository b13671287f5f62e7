// loglikelihood_rolling: how likely whole texts are, however long.
import Base
import Templates

struct RollingLogLikelihood: OutputType {
  static let name = "loglikelihood_rolling"
  static let metrics = ["word_perplexity", "byte_perplexity", "bits_per_byte"]
  static let usualMetrics = metrics

  func check(_ task: TaskDefinition, _ keys: Section) {
    if task.target == nil, task.step == nil, !keys.isPython("doc_to_target") {
      keys.fail("doc_to_target", "is missing", hint: "it is the text")
    }
  }

  func requests(_ item: Item, _ task: TaskDefinition, isChat: Bool) throws -> [Request] {
    [Request(kind: .rolling(try text(item, task)))]
  }

  private func text(_ item: Item, _ task: TaskDefinition) throws -> [UInt8] {
    guard let text = item.target.bytes else {
      throw task.mistake("doc_to_target gives \(item.target.kind), where a text is meant")
    }
    return text
  }

  func score(_ item: Item, _ answers: [JSON], _ task: TaskDefinition) throws -> RowMetrics {
    guard let score = answers[0].double else { throw task.mistake("a filter changes log-likelihoods") }
    let text = try task.step?.countedText(item.doc) ?? text(item, task)
    let words = Self.words(text)
    return Self.metrics.filter(task.has).map { name in
      (name, .array([.number(score), .integer(name == "word_perplexity" ? words : text.count)]))
    }
  }

  /// The parts between stretches of white space, empty ones at the ends included: `re.split(r"\s+", text)`.
  static func words(_ text: [UInt8]) -> Int {
    var count = 1
    var isSpace = false
    for scalar in PythonText.scalars(text) {
      let own = PythonText.isSpace(scalar.value)
      if own, !isSpace { count += 1 }
      isSpace = own
    }
    return count
  }
}
