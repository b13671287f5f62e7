// Which template and which special tokens a model's folder gives, and how messages reach the template.
import Base
import Templates
import Testing

@Suite struct ChatTemplateTests {
  private let hello = JSON.array([.object(["role": .string("user"), "content": .string("hi")])])

  private func text(
    _ choice: String? = nil, in files: [String: String], tools: JSON? = nil, messages: JSON? = nil
  ) throws -> String {
    let folder = try TemplateFolder(files)
    let template = try ChatTemplate(choice, folder: folder.path)
    return String(
      decoding: try template.render(messages: messages ?? hello, tools: tools).text, as: UTF8.self)
  }

  @Test func aFolderSaysItsTemplate() throws {
    let config = #"{"chat_template": "config {{ bos_token }}", "bos_token": "<b>"}"#
    #expect(try text(in: ["tokenizer_config.json": config]) == "config <b>")
    #expect(
      try text(in: ["tokenizer_config.json": config, "chat_template.jinja": "file {{ bos_token }}\n"])
        == "file <b>")
    let list =
      #"{"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]}"#
    #expect(try text(in: ["tokenizer_config.json": list]) == "plain")
    #expect(try text(in: ["tokenizer_config.json": list], tools: .array([])) == "tools")
    #expect(try text(in: ["tokenizer_config.json": list], tools: .null) == "plain")
    #expect(try text("tool_use", in: ["tokenizer_config.json": list]) == "tools")
    let several = ["chat_template.jinja": "plain", "additional_chat_templates/tool_use.jinja": "more"]
    #expect(try text(in: several) == "plain")
    #expect(try text(in: several, tools: .array([])) == "more")
    #expect(try text("chatml", in: several).hasPrefix("<|im_start|>user\nhi"))
  }

  @Test func specialTokensAreThoseOfTransformers() throws {
    let shown = "{{ bos_token }} {{ eos_token }} {{ pad_token }} {{ image_token }} {{ unk_token }}"
    let config =
      #"{"bos_token": {"content": "<b>", "lstrip": false}, "eos_token": null, "image_token": "<i>", "pad_token": "<p>", "added_tokens_decoder": {}}"#
    #expect(
      try text(in: [
        "chat_template.jinja": shown, "tokenizer_config.json": config,
        "special_tokens_map.json": #"{"eos_token": "<no>"}"#,
      ])
        == "<b>  <p> <i> ")
    #expect(
      try text(in: [
        "chat_template.jinja": shown, "tokenizer_config.json": #"{"bos_token": "<b>"}"#,
        "special_tokens_map.json": #"{"bos_token": "<m>", "eos_token": {"content": "<e>"}}"#,
      ]) == "<m> <e>   ")
    #expect(
      try text(in: [
        "chat_template.jinja": shown, "tokenizer_config.json": #"{"tokenizer_class": "LlamaTokenizerFast"}"#,
      ])
        == "<s> </s>   <unk>")
  }

  @Test func messagesArriveAsTransformersGivesThem() throws {
    let template = [
      "chat_template.jinja": "{{ messages }} {{ tools }} {{ documents is none }} {{ add_generation_prompt }}"
    ]
    let messages = try JSON.parse(
      #"[{"role": "assistant", "content": null, "reasoning": "r", "n": [null]}, {"role": "a", "thinking": "t", "reasoning_content": "c"}]"#
    )
    #expect(
      try text(in: template, messages: messages)
        == "[{'thinking': 'r', 'role': 'assistant', 'reasoning': 'r', 'n': [None], 'reasoning_content': 'r'}, "
        + "{'thinking': 't', 'role': 'a', 'reasoning_content': 'c'}] None True False")
  }

  @Test func mistakesAreToldInOneLine() throws {
    func expect(_ code: ExitCode, _ message: String, _ body: () throws -> Void) {
      let error = #expect(throws: UserError.self) { try body() }
      #expect(
        error?.code == code && error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
    expect(.data, "has no chat template (give a file, or one of those that ship: alpaca, chatml") {
      _ = try text(in: ["tokenizer_config.json": "{}"])
    }
    expect(.data, "chat_template.jinja:2: Encountered unknown tag 'nope'") {
      _ = try text(in: ["chat_template.jinja": "a\n{% nope %}"])
    }
    expect(.data, "chat_template: is a whole number") {
      _ = try text(in: ["tokenizer_config.json": #"{"chat_template": 5}"#])
    }
    expect(.data, "chat_template[0]: is not an object with a name") {
      _ = try text(in: ["tokenizer_config.json": #"{"chat_template": ["x"]}"#])
    }
    expect(.usage, "there is no chat template \"chatlm\" (did you mean chatml?)") {
      _ = try text("chatlm", in: ["x": ""])
    }
    expect(.usage, "there is no file") { _ = try text("/nowhere/x.jinja", in: ["x": ""]) }
    let template = try ChatTemplate("chatml", folder: nil)
    for (messages, message) in [
      (JSON.array([]), "empty conversation"), (.string("x"), "messages are a string"),
      (.array([.integer(1)]), "message 1 is a whole number"),
    ] {
      let error = #expect(throws: TemplateError.self) { try template.render(messages: messages) }
      #expect(error?.message.contains(message) == true)
    }
  }
}
