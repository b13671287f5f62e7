// Chat templates of public models and the shipped ones, against transformers' apply_chat_template.
import Base
import Templates
import Testing

@Suite struct ChatGoldenTests {
  private struct Golden {
    let tokens: [JSON.Member]
    let results: [String]
    /// The text of the first conversation with a prompt; nil where the template raises.
    let first: String?
    let generated: [JSON]?

    init(_ json: JSON) throws {
      tokens = try #require(json["tokens"]?.members)
      results = try #require(json["results"]?.elements).map { try #require($0.text) }
      first = json["first"]?.text
      generated = json["generated"]?.elements
    }
  }

  private static let shipped = [
    "alpaca", "chatml", "gemma", "llama2", "llama3", "mistral", "phi", "qwen", "vicuna", "zephyr",
  ]

  /// - Returns: how many chats were rendered, and how many of them raised what the template says.
  private func check(_ template: ChatTemplate, _ golden: Golden, _ name: String) throws -> (
    texts: Int, errors: Int
  ) {
    let rows = try TemplateFixtures.rows("conversations.jsonl")
    #expect(golden.results.count == rows.count * 2)
    var (texts, errors) = (0, 0)
    for (number, row) in rows.enumerated() {
      for prompt in [false, true] {
        let expected = golden.results[number * 2 + (prompt ? 1 : 0)]
        let place = "\(name), row \(number + 1)\(prompt ? " with prompt" : "")"
        let messages = try #require(row["messages"])
        let extra = golden.tokens + (row["chat_template_kwargs"]?.members ?? [])
        do throws(TemplateError) {
          let rendered = try template.render(
            messages: messages, tools: row["tools"], addGenerationPrompt: prompt, extra: extra,
            at: TemplateFixtures.time)
          #expect(FNV1a(rendered.text).digits == expected, "\(place)")
          texts += 1
          if number == 0, prompt { #expect(String(decoding: rendered.text, as: UTF8.self) == golden.first) }
          if let generated = golden.generated, !prompt {
            let ranges = rendered.generated.map {
              JSON.array([.integer($0.lowerBound), .integer($0.upperBound)])
            }
            #expect(JSON.array(ranges) == generated[number], "\(place)")
          }
        } catch {
          // Python's own words about its types are not repeated; what a template raises is.
          #expect(expected == "!" || expected == "!" + error.message, "\(place): \(error)")
          errors += 1
        }
      }
    }
    return (texts, errors)
  }

  @Test(.enabled(if: TemplateFixtures.hasShared, "../shared/data is absent"))
  func templatesOfModelsGiveTransformersTexts() throws {
    let members = try #require(TemplateFixtures.json("chats.json").members)
    var (templates, texts, errors) = (0, 0, 0)
    for member in members {
      let name = String(decoding: member.key, as: UTF8.self)
      guard !Self.shipped.contains(name) else { continue }
      let template = try ChatTemplate(TemplateFixtures.shared + "/\(name).jinja", folder: nil)
      let counts = try check(template, try Golden(member.value), name)
      templates += 1
      texts += counts.texts
      errors += counts.errors
    }
    #expect(templates >= 18 && texts > 800 && errors > 150)
  }

  @Test(arguments: shipped) func shippedTemplatesGiveTransformersTexts(_ name: String) throws {
    let golden = try Golden(try #require(TemplateFixtures.json("chats.json")[name]))
    let template = try ChatTemplate(name, folder: nil)
    #expect(template.marksGeneration && golden.generated?.isEmpty == false)
    let counts = try check(template, golden, name)
    #expect(counts.texts >= 24 && counts.texts + counts.errors == 60, "\(counts)")
  }

  /// The texts that the families document, in full.
  @Test func shippedTemplatesWriteTheFormsOfTheirFamilies() throws {
    let messages = try JSON.parse(
      #"""
      [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"},
       {"role": "user", "content": "Bye"}]
      """#)
    let forms = [
      "chatml":
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n"
        + "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
      "qwen":
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n"
        + "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
      "llama2":
        "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Hello! </s><s>[INST] Bye [/INST]",
      "llama3":
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
        + "Hello!<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\n",
      "mistral": "<s>[INST] Be kind.\n\nHi [/INST] Hello!</s>[INST] Bye [/INST]",
      "gemma":
        "<bos><start_of_turn>user\nBe kind.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello!<end_of_turn>\n"
        + "<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n",
      "phi":
        "<|system|>\nBe kind.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nHello!<|end|>\n<|user|>\nBye<|end|>\n<|assistant|>\n",
      "zephyr":
        "<|system|>\nBe kind.</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello!</s>\n<|user|>\nBye</s>\n<|assistant|>\n",
      "alpaca":
        "Be kind.\n\n### Instruction:\nHi\n\n### Response:\nHello!</s>\n\n### Instruction:\nBye\n\n### Response:\n",
      "vicuna": "Be kind. USER: Hi ASSISTANT: Hello!</s>USER: Bye ASSISTANT:",
    ]
    #expect(Set(forms.keys) == Set(Self.shipped))
    for (name, form) in forms {
      let rendered = try ChatTemplate(name, folder: nil).render(messages: messages, addGenerationPrompt: true)
      #expect(String(decoding: rendered.text, as: UTF8.self) == form, "\(name)")
      let generated = rendered.generated.map { String(decoding: rendered.text[$0], as: UTF8.self) }
      #expect(generated.count == 1 && generated[0].hasPrefix("Hello!"), "\(name): \(generated)")
    }
  }
}
