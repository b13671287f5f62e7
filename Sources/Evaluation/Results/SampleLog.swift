// What was asked for each row, what the model answered, and how that counts: the lines of samples_TASK.jsonl, with the
// keys of lm-evaluation-harness.
import Base
import Templates

enum SampleLog {
  /// - Parameters:
  ///   - responses: of each request, all of its repeats.
  ///   - filtered: what the filter gives for each request.
  static func sample(
    _ number: Int, _ item: Item, _ task: TaskDefinition, requests: [Request], responses: [[JSON]],
    filter: String, filtered: [JSON], metrics: RowMetrics
  ) -> JSON {
    let target = PythonLiteral.text(item.target)
    let arguments = requests.enumerated().map { place, request in
      ("gen_args_\(place)", JSON.object(members: parts(request, task).enumerated().map { ("arg_\($0)", $1) }))
    }
    var members: [(String, JSON)] = [
      ("doc_id", .integer(number)), ("doc", item.doc), ("target", .string(target)),
      ("arguments", .object(members: arguments)),
      ("resps", .array(responses.map { .array($0.map(texts)) })),
      ("filtered_resps", .array(filtered.map(texts))),
      ("filter", .string(filter)), ("metrics", .array(metrics.map { .string($0.name) })),
      ("doc_hash", .string(PythonJSON.hash(PythonJSON.indented(item.doc)))),
      ("prompt_hash", .string(PythonJSON.hash(requests[0].prompt))),
      ("target_hash", .string(PythonJSON.hash(target))),
    ]
    members += metrics.map { ($0.name, $0.value) }
    return .object(members: members)
  }

  private static func parts(_ request: Request, _ task: TaskDefinition) -> [JSON] {
    switch request.kind {
    case .likelihood(let context, let continuation): [.string(context), .string(continuation)]
    case .rolling(let text): [.string(text)]
    case .generation(let context): [.string(context), task.generation.json]
    }
  }

  /// The same with every value as its text.
  private static func texts(_ json: JSON) -> JSON {
    if let elements = json.elements { return .array(elements.map(texts)) }
    return .string(PythonLiteral.text(json))
  }
}
