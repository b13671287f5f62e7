// The chat template of a model, and the special tokens that it sees.
import Base

/// A template that turns the messages of a chat into a text, as `apply_chat_template` of transformers 5 does.
package struct ChatTemplate: Sendable {
  /// Which template this is, for messages: a file, or the name of a shipped one.
  package let name: String

  /// - Parameters:
  ///   - choice: a file that ends in `.jinja`, the name of one of several templates of the folder, or of a shipped
  ///     template; nil for the folder's own.
  ///   - folder: the model's; its special tokens are what the template sees as `bos_token`, `eos_token` and so on. Without
  ///     one, a shipped template has tokens of its own.
  package init(_ choice: String? = nil, folder: String?) throws {
    throw UserError(.data, "not built in yet")
  }

  /// Whether all of its templates have a `{% generation %}` block.
  package var marksGeneration: Bool { false }

  /// - Parameters:
  ///   - messages: a list of objects, with `role` and `content` mostly.
  ///   - tools: a list of JSON schemas.
  ///   - extra: more variables, which come before special tokens of the same name: `chat_template_kwargs`.
  package func render(
    messages: JSON, tools: JSON? = nil, addGenerationPrompt: Bool = false, extra: [JSON.Member] = []
  ) throws(TemplateError) -> RenderedText {
    throw TemplateError("not built in yet")
  }
}
