// What a task makes of a row and of answers without a model.
import Base
import Templates

extension TaskDefinition {
  /// Renders every field for a row, and sends answers through every filter.
  /// - Returns: what the fields give, then what the filters leave.
  /// - Throws: the first that cannot be rendered or filtered.
  package func trial(of doc: JSON, answers: [String]) throws -> [JSON] {
    let columns = Set((doc.members ?? []).map { String(decoding: $0.key, as: UTF8.self) })
    let fields = [
      text, target, choices, prefix, description, fewshot.text, fewshot.target, fewshot.choices,
      fewshot.prefix,
    ]
    let rendered = try fields.compactMap { field -> JSON? in
      guard let field else { return nil }
      do throws(TemplateError) { return try field.value(of: doc, columns: columns).value } catch {
        throw mistake("\(field.key) cannot be rendered: \(error.description)")
      }
    }
    let filtered = try filters.map { try $0.apply(answers.map { .string($0) }, doc: doc, self) }
    return rendered + filtered
  }
}
