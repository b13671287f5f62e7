// The reader of chat templates.
import Base
import Foundation
import Templates

extension HostileReader {
  private static let chat = JSON.array([
    .object(["role": .string("system"), "content": .string("a \"b\" <é>\n")]),
    .object([
      "role": .string("user"), "content": .array([.object(["type": .string("text"), "text": .string("x")])]),
    ]),
    .object([
      "role": .string("assistant"), "content": .string("👋 y"), "n": .number(1.5),
      "tool_calls": .array([.object(["function": .object(["name": .string("f"), "arguments": .object([])])])]
      ),
    ]),
  ])

  /// The bytes as a template, and as a tokenizer_config.json that holds one. What renders is UTF-8, with marked parts that lie in
  /// it, and is the same again. If both are refused, the first refusal is thrown.
  static func readTemplate(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    var refusal: (any Error)?
    do {
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/template.jinja"))
      try render(try ChatTemplate(folder + "/template.jinja", folder: nil))
    } catch {
      try Refusal.check(error)
      refusal = error
    }
    do {
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/tokenizer_config.json"))
      try render(try ChatTemplate(nil, folder: folder))
      refusal = nil
    } catch {
      try Refusal.check(error)
    }
    if let refusal { throw refusal }
  }

  private static func render(_ template: ChatTemplate) throws {
    func render() throws -> RenderedText {
      do throws(TemplateError) {
        return try template.render(messages: chat, tools: .array([chat]), addGenerationPrompt: true, at: 1)
      } catch {
        throw UserError(.data, error.message, at: "line \(error.line)")
      }
    }
    let rendered = try render()
    guard String(validating: rendered.text, as: UTF8.self) != nil else {
      throw Finding("writes what is not UTF-8")
    }
    guard rendered.generated.allSatisfy({ $0.upperBound <= rendered.text.count }) else {
      throw Finding("marks \(rendered.generated) of \(rendered.text.count) bytes")
    }
    guard try render() == rendered else { throw Finding("renders otherwise a second time") }
  }
}
