// How passages stand before a question: a Jinja template over `passages` and `question`.
import Base
import Templates

package struct PassagePrompt: Sendable {
  private let template: Template
  /// For messages.
  private let name: String

  /// Passages by number, an empty line, then the question as it is. Of two line ends behind a block, Jinja takes one.
  private static let usual = """
    {% for passage in passages %}[{{ loop.index }}] {{ passage.text }}
    {% endfor %}

    {{ question }}
    """

  /// - Parameter path: a file that ends in .jinja; nil for the usual one.
  /// - Throws: if it is no template.
  package init(_ path: String?) throws {
    name = path ?? "the usual template"
    let source = try path.map { path in
      if let missing = UserError.noFile(path) { throw missing }
      return try OpenFile.contents(path)
    }
    do { template = try Template(source ?? Array(Self.usual.utf8)) } catch {
      throw UserError(.data, error.message, at: error.line > 0 ? "\(name):\(error.line)" : name)
    }
  }

  /// Tells this template from others: 16 hexadecimal digits.
  package var fingerprint: String { FNV1a(template.source).digits }

  /// - Parameter passages: the best first; each has `id`, `chunk`, `score`, `text` and `metadata`.
  /// - Throws: what the template raises.
  package func text(_ question: [UInt8], _ passages: some Sequence<SearchHit>) throws -> [UInt8] {
    func member(_ name: String, _ value: JSON) -> JSON.Member {
      JSON.Member(key: Array(name.utf8), value: value)
    }
    let list = passages.map { hit in
      JSON.object([
        "id": .string(hit.chunk.id), "chunk": .integer(hit.chunk.chunk), "score": .number(hit.score),
        "text": .string(hit.chunk.text), "metadata": hit.chunk.metadata,
      ])
    }
    do {
      return try template.render([member("passages", .array(list)), member("question", .string(question))])
        .text
    } catch { throw UserError(.data, "\(error)", at: name) }
  }
}
