// The chat template of a model, and the special tokens that it sees.
import Base

/// A template that turns the messages of a chat into a text, as `apply_chat_template` of transformers 5 does.
package struct ChatTemplate: Sendable {
  /// Which template this is, for messages: a file, or the name of a shipped one.
  package let name: String
  /// The templates by their names in the model's folder; one that has no name is `default`.
  private let templates: [(name: String, template: Template)]
  private let specialTokens: [JSON.Member]

  /// - Parameters:
  ///   - choice: a file that ends in `.jinja`, the name of one of several templates of the folder, or of a shipped
  ///     template; nil for the folder's own.
  ///   - folder: the model's; its special tokens are what the template sees as `bos_token`, `eos_token` and so on. Without
  ///     one, a shipped template has the tokens of its family.
  package init(_ choice: String? = nil, folder: String?) throws {
    let own = try folder.map { try FolderTemplates(folder: $0) }
    specialTokens = try folder.map { try SpecialTokens.read(folder: $0) } ?? []
    guard let choice else {
      guard let own, !own.sources.isEmpty else {
        throw UserError(
          .data, "has no chat template", at: folder ?? "",
          hint: "give a file, or one of those that ship: \(ShippedTemplates.names)")
      }
      name = own.path
      templates = try own.sources.map { ($0.name, try Self.template($0.source, at: $0.path)) }
      return
    }
    if choice.hasSuffix(".jinja") {
      if let missing = UserError.noFile(choice) { throw missing }
      name = choice
      templates = [(Self.standard, try Self.template(try OpenFile.contents(choice), at: choice))]
    } else if let source = own?.sources.first(where: { $0.name == choice }) {
      name = choice
      templates = [(choice, try Self.template(source.source, at: source.path))]
    } else if let shipped = ShippedTemplates.all.first(where: { $0.name == choice }) {
      name = choice
      templates = [(Self.standard, try Self.template(shipped.source, at: choice))]
    } else {
      let names = ShippedTemplates.all.map(\.name) + (own?.sources.map(\.name) ?? [])
      throw UserError(
        .usage, "there is no chat template \"\(choice)\"",
        hint: nearest(to: choice, among: names).map { "did you mean \($0)?" }
          ?? "give a file that ends in .jinja, or one of those that ship: \(ShippedTemplates.names)")
    }
  }

  package static let standard = "default"

  private static func template(_ source: [UInt8], at place: String) throws -> Template {
    do { return try Template(source) } catch {
      throw UserError(.data, error.message, at: error.line > 0 ? "\(place):\(error.line)" : place)
    }
  }

  /// Whether all of its templates have a `{% generation %}` block.
  package var marksGeneration: Bool { templates.allSatisfy(\.template.marksGeneration) }

  /// The template for chats without tools.
  package var source: [UInt8] {
    (templates.first { $0.name == Self.standard } ?? templates[0]).template.source
  }

  /// All that decides what is rendered of a chat, but for a day that it may name: the texts of the templates, and the special
  /// tokens.
  package var identity: [String] {
    templates.flatMap { [$0.name, String(decoding: $0.template.source, as: UTF8.self)] }
      + [JSON.object(specialTokens).encoded()]
  }

  /// Of several templates, `tool_use` is for chats with tools.
  private func template(tools: JSON?) throws(TemplateError) -> Template {
    if templates.count == 1 { return templates[0].template }
    let hasTools = tools.map { !$0.isNull } ?? false
    if hasTools, let found = templates.first(where: { $0.name == "tool_use" }) { return found.template }
    guard let found = templates.first(where: { $0.name == Self.standard }) else {
      throw TemplateError(
        "there are several chat templates and none is the default: "
          + templates.map(\.name).sorted().joined(separator: ", "))
    }
    return found.template
  }

  /// - Parameters:
  ///   - messages: a list of objects, with `role` and `content` mostly. Keys that are null count as absent.
  ///   - tools: a list of JSON schemas.
  ///   - extra: more variables, which come before special tokens of the same name: `chat_template_kwargs`.
  ///   - time: what `strftime_now` shows, in seconds since 1970; nil for now.
  /// - Throws: what the template raises.
  package func render(
    messages: JSON, tools: JSON? = nil, addGenerationPrompt: Bool = false, extra: [JSON.Member] = [],
    at time: Int? = nil
  ) throws(TemplateError) -> RenderedText {
    func member(_ key: String, _ value: JSON) -> JSON.Member {
      JSON.Member(key: Array(key.utf8), value: value)
    }
    var variables = specialTokens
    variables.append(member("documents", .null))
    variables += extra
    variables.append(member("messages", try ChatMessages.normalized(messages)))
    variables.append(member("tools", tools ?? .null))
    variables.append(member("add_generation_prompt", .bool(addGenerationPrompt)))
    return try template(tools: tools).render(variables, at: time)
  }
}
