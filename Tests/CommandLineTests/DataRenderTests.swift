// swiftdp data render: texts, ids and masks of chats, and what is refused. With the byte-level tokenizer a letter is a token.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct DataRenderTests {
    private static let template =
      "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}.{% endgeneration %}"
      + "{% else %}{{ m.content }}?{% endif %}{% endfor %}{% if add_generation_prompt %}>{% endif %}{{ tools | tojson if tools }}{{ kind }}"
    private static let rows = """
      {"messages": [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "é👋"}]}
      {"messages": [{"role": "user", "content": "x<|endoftext|>"}], "tools": [{"n": 1.0}], "chat_template_kwargs": {"kind": "k"}}
      {"messages": [{"role": "user", "content": 5}]}

      """

    private func folder(template: String = template, rows: String = rows) throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.file("llama/chat_template.jinja", template)
      try folder.file("rows.jsonl", rows)
      return folder
    }

    private func lines(_ options: [String], in folder: Workspace) throws -> [JSON] {
      let result = try Command.swiftdp(
        ["data", "render", "--model", "llama", "rows.jsonl"] + options, in: folder)
      #expect(result.code == 0 && result.err.isEmpty, "\(result.err)")
      return try result.out.split(separator: "\n").map { try JSON.parse(String($0)) }
    }

    @Test func textsIdsAndMasks() throws {
      let folder = try folder(
        template: Self.template.replacingOccurrences(of: "{{ m.content }}?", with: "{{ m.content + '?' }}"))
      let texts = try lines([], in: folder)
      #expect(
        texts[0] == .string("ab?é👋.") && texts[1] == .string(#"x<|endoftext|>?[{"n": 1.0}]k"#)
          && texts.count == 3)
      #expect(texts[2]["error"]?.text == "unsupported operand type(s) for +: 'int' and 'str'")
      #expect(try lines(["--generation-prompt"], in: folder)[0] == .string("ab?é👋.>"))
      let ids = try lines(["--ids"], in: folder)
      #expect(ids[0].elements?.count == 3 + 2 + 4 + 1 && ids[2]["error"] != nil)
      #expect(ids[1].elements?.contains(.integer(256)) == true)
      let masks = try lines(["--mask"], in: folder)
      #expect(
        masks[0]
          == .array(
            [Int](repeating: 0, count: 3).map { .integer($0) }
              + [Int](repeating: 1, count: 7).map { .integer($0) }))
      #expect(masks[1].elements?.allSatisfy { $0 == .integer(0) } == true && masks[2]["error"] != nil)
    }

    @Test func masksWithoutTheBlockAreWhatAnswersAdd() throws {
      let rows =
        #"{"messages": [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "cd"}]}"# + "\n"
      let folder = try folder(
        template:
          "{% for m in messages %}{{ m.role[0] }}{{ m.content }}{% endfor %}{{ 'a' if add_generation_prompt }}",
        rows: rows)
      #expect(try lines(["--mask"], in: folder) == [.array([0, 0, 0, 0, 1, 1].map { .integer($0) })])
      try folder.file(
        "last.jinja", "{% for m in messages %}{{ m.content if loop.last else '-' }}{% endfor %}")
      let refused = try lines(["--mask", "--template", "last.jinja"], in: folder)
      #expect(
        refused.count == 1 && refused[0]["error"]?.text?.contains("in another way") == true, "\(refused)")
    }

    @Test func shippedTemplatesHaveNames() throws {
      let folder = try folder()
      let line = try lines(["--template", "chatml"], in: folder)[0]
      #expect(line == .string("<|im_start|>user\nab<|im_end|>\n<|im_start|>assistant\né👋<|im_end|>\n"))
    }

    @Test func mistakesAreTold() throws {
      let folder = try folder()
      try folder.file("bad.jinja", "a\n{% if %}")
      try folder.file(
        "none.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n{\"text\": \"a\"}\n")
      for (words, code, message) in [
        (["--model", "llama", "none.jsonl"], 65, "none.jsonl:2: has no \"messages\""),
        (
          ["--model", "llama", "rows.jsonl", "--template", "bad.jinja"], 65,
          "bad.jinja:2: Expected an expression"
        ),
        (
          ["--model", "llama", "rows.jsonl", "--template", "chatlm"], 64,
          "there is no chat template \"chatlm\" (did you mean chatml?)"
        ),
        (["--model", "nowhere", "lost.jsonl", "--ids", "--mask"], 64, "--ids and --mask: go not together"),
        (["--model", "nowhere", "lost.jsonl"], 64, "there is no folder nowhere"),
      ] {
        let result = try Command.swiftdp(["data", "render"] + words, in: folder)
        #expect(result.code == code && result.err.contains(message), "\(result.code): \(result.err)")
      }
    }
  }
}
