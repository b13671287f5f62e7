// HellaSwag: takes the traces of WikiHow's pages out of texts.
import Base
import Templates

struct HellaSwagStep: TaskStep {
  static let name = "hellaswag"
  private static let brackets = try? Pattern(#"\[.*?\]"#)

  func prepared(_ doc: JSON) throws(StepMistake) -> JSON {
    var context: String
    if doc["ctx_a"]?.text != nil {
      let rest = PythonText.capitalized(Array((doc["ctx_b"]?.text ?? "").utf8))
      context = try doc.needed("ctx_a") + " " + String(decoding: rest, as: UTF8.self)
    } else {
      context = try doc.needed("ctx")
    }
    context = try doc.needed("activity_label") + ": " + context
    guard let endings = doc["endings"]?.elements?.compactMap(\.text) else {
      throw StepMistake(what: "has no list \"endings\"")
    }
    let label = doc["label"].flatMap { $0.integer ?? $0.text.flatMap { Int($0) } }
    guard let label else { throw StepMistake(what: "has no number \"label\"") }
    return doc.setting([
      "query": .string(Self.clean(context)), "choices": .array(endings.map { .string(Self.clean($0)) }),
      "gold": .integer(label),
    ])
  }

  private static func clean(_ text: String) -> String {
    var text = LiteralText.replacing(" [title]", in: RegexMatch.stripped(text), by: ". ")
    text = (try? brackets?.replacing(text, by: "")) ?? text
    return LiteralText.replacing("  ", in: text, by: " ")
  }
}
