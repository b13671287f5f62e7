// What a task file takes from a row: a column, a template over all columns, or the same for all rows.
import Base
import Templates

struct DocField: Sendable {
  /// The key of the task file, for messages.
  let key: String
  private let content: Content

  private enum Content: Sendable {
    case constant(JSON)
    case text(String, Template)
  }

  /// - Throws: where the value is of no kind that the key may have, or its template cannot be read.
  init(_ json: JSON, key: String, file: String) throws {
    self.key = key
    if let name = json[TaskYAML.function]?.text { throw UserError.needsPython(key, name, at: file) }
    guard let text = json.text else {
      content = .constant(json)
      return
    }
    do throws(TemplateError) { content = .text(text, try Template(text, style: .task)) } catch {
      throw UserError(.usage, "cannot be read: \(error.description)", at: "\(file): \(key)")
    }
  }

  /// - Parameters:
  ///   - columns: the names of columns; a text that is one of them means that column.
  /// - Returns: the value of a column, a text that was rendered, or the constant, with `isRendered` for the second.
  func value(
    of doc: JSON, columns: Set<String>
  ) throws(TemplateError) -> (value: JSON, isRendered: Bool) {
    switch content {
    case .constant(let json): return (json, false)
    case .text(let text, let template):
      if columns.contains(text), let value = doc[text] { return (value, false) }
      return (.string(try template.render(doc.members ?? []).text), true)
    }
  }
}

extension UserError {
  /// What is said of a key that names a function of Python.
  static func needsPython(_ key: String, _ function: String, at file: String) -> UserError {
    UserError(
      .usage, "names the Python function \(function.quoted), and swiftdp runs no Python",
      at: "\(file): \(key)",
      hint: "say it in Jinja, or use a task that swiftdp ships")
  }
}
