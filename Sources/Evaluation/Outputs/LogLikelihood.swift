// loglikelihood: how likely a text is behind another one, and whether it is the likeliest.
import Base

struct LogLikelihood: OutputType {
  static let name = "loglikelihood"
  static let metrics = ["perplexity", "acc"]
  static let usualMetrics = ["perplexity", "acc"]

  func check(_ task: TaskDefinition, _ keys: Section) {
    for (key, field) in [("doc_to_text", task.text), ("doc_to_target", task.target)]
    where field == nil && !keys.isPython(key) {
      keys.fail(key, "is missing")
    }
  }

  func requests(_ item: Item, _ task: TaskDefinition, isChat: Bool) throws -> [Request] {
    guard let target = item.target.bytes else {
      throw task.mistake("doc_to_target gives \(item.target.kind), where a text is meant")
    }
    return [Request(kind: .likelihood(context: item.contexts[0], continuation: target))]
  }

  func score(_ item: Item, _ answers: [JSON], _ task: TaskDefinition) throws -> RowMetrics {
    let (score, isLikeliest) = try Self.pair(answers[0], task)
    var metrics: RowMetrics = []
    if task.has("perplexity") { metrics.append(("perplexity", .number(score))) }
    if task.has("acc") { metrics.append(("acc", .integer(isLikeliest ? 1 : 0))) }
    return metrics
  }

  /// A log-likelihood, and whether the text is the likeliest.
  static func pair(_ json: JSON, _ task: TaskDefinition) throws -> (score: Double, isLikeliest: Bool) {
    guard let parts = json.elements, parts.count == 2, let score = parts[0].double,
      let isLikeliest = parts[1].bool
    else {
      throw task.mistake("a filter changes log-likelihoods", hint: "take_first is the only one for them")
    }
    return (score, isLikeliest)
  }
}
