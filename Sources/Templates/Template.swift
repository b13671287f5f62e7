// A Jinja template, read once and rendered many times: as transformers sets Jinja up for chat templates.
import Base

/// What a template rendered.
package struct RenderedText: Equatable, Sendable {
  /// UTF-8.
  package var text: [UInt8]
  /// The byte ranges of `text` that stood inside `{% generation %}` blocks, in the order of rendering.
  package var generated: [Range<Int>]

  package init(text: [UInt8], generated: [Range<Int>]) {
    self.text = text
    self.generated = generated
  }
}

/// May be used from several threads at once.
package struct Template: Sendable {
  /// - Throws: where the source is no template, uses what is not built in, or is nested too deeply.
  package init(_ source: [UInt8]) throws(TemplateError) { throw TemplateError("not built in yet") }

  package init(_ source: String) throws(TemplateError) { try self.init(Array(source.utf8)) }

  /// Whether there is a `{% generation %}` block.
  package var marksGeneration: Bool { false }

  /// - Throws: what the template raises, also with `raise_exception`, and where it takes more steps or makes more text than
  ///   any chat needs.
  package func render(_ variables: [JSON.Member]) throws(TemplateError) -> RenderedText {
    throw TemplateError("not built in yet")
  }
}
