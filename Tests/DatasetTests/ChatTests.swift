// Chats: the forms of rows, and which tokens are learned.
import Base
import Datasets
import Foundation
import Testing

@Suite struct ChatTests {
  /// Reads rows as chats, and tells the first sequence with everything that is no target in points.
  private func learned(
    _ rows: String, _ chats: ChatOptions = ChatOptions(template: "chatml"), format: DataFormat = .auto
  ) throws -> [String] {
    let folder = try Folder()
    let file = try folder.write("rows.jsonl", rows)
    var options = DataOptions(
      train: [file], format: format, packing: false, sequenceLength: 4096, seed: 0)
    options.chats = chats
    let sequences = try Dataset(options, encoder: .bytes()).train
    return (0..<sequences.count).map { sequence in
      sequences.tokenRange(of: sequence).map { index in
        sequences.lossMask[index] ? spelled([sequences.tokens[index]]) : "."
      }.joined()
    }
  }

  private static let dialogue = """
    {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q1"}, \
    {"role": "assistant", "content": "A1"}, {"role": "user", "content": "Q2"}, \
    {"role": "assistant", "content": "A2"}]}
    """

  /// What is left of a text: points for every byte before the last ones.
  private func hidden(_ text: String) -> String { String(repeating: ".", count: text.utf8.count) }

  @Test func answersAreLearnedWithTheirEnds() throws {
    let system = "<|im_start|>system\nS<|im_end|>\n"
    let first = system + "<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\n"
    let second = "<|im_start|>user\nQ2<|im_end|>\n<|im_start|>assistant\n"
    #expect(
      try learned(Self.dialogue) == [
        hidden(first) + "A1<|im_end|>." + hidden(second) + "A2<|im_end|>."
      ])
    #expect(
      try learned(Self.dialogue, ChatOptions(template: "chatml", loss: .lastAnswer)) == [
        hidden(first + "A1<|im_end|>\n" + second) + "A2<|im_end|>."
      ])
    let all = try learned(Self.dialogue, ChatOptions(template: "chatml", loss: .all))
    #expect(all[0].dropFirst().allSatisfy { $0 != "." } && all[0].first == ".")
    #expect(
      try learned(Self.dialogue, ChatOptions(template: "chatml", loss: .roles(["user"]))) == [
        hidden(system) + "<|im_start|>user#Q1<|im_end|>#" + hidden("<|im_start|>assistant\nA1<|im_end|>\n")
          + "<|im_start|>user#Q2<|im_end|>#" + hidden("<|im_start|>assistant\nA2<|im_end|>\n")
      ])
  }

  /// Every form of the same chat.
  @Test func formsOfRows() throws {
    let plain = try learned(
      #"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}"#)
    let forms = [
      #"{"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}"#,
      #"{"conversations": [{"from": "user", "value": "Q"}, {"from": "chatgpt", "value": "A"}], "system": ""}"#,
      #"{"conversations": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}"#,
      #"{"prompt": [{"role": "user", "content": "Q"}], "completion": [{"role": "assistant", "content": "A"}]}"#,
      #"{"instruction": "Q", "input": "", "output": "A", "history": []}"#,
      #"{"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}, {"role": "assistant", "content": "A"}]}"#,
      #"{"messages": [{"role": "user", "content": "Q", "weight": 0}, {"role": "assistant", "content": "A", "weight": 1}], "tools": null}"#,
    ]
    for form in forms { #expect(try learned(form) == plain, "\(form)") }
    // Earlier turns of a prompt carry no loss, and a weight of 0 takes a message out.
    let prompt = try learned(
      #"{"prompt": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"}], "completion": [{"role": "assistant", "content": "B"}]}"#
    )
    #expect(!prompt[0].contains("A") && prompt[0].hasSuffix("B<|im_end|>."))
    let weighed = try learned(
      #"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "weight": 0}, {"role": "user", "content": "R"}, {"role": "assistant", "content": "B"}]}"#
    )
    #expect(!weighed[0].contains("A") && weighed[0].hasSuffix("B<|im_end|>."))
    let history = try learned(
      #"{"instruction": "R", "input": "I", "output": "B", "history": [["Q", "A"]]}"#)
    #expect(history[0].contains("A<|im_end|>.") && history[0].hasSuffix("B<|im_end|>."))
  }

  @Test func mistakes() throws {
    let rows: [(row: String, words: String)] = [
      (#"{"messages": []}"#, "has no messages"),
      (#"{"messages": "Q"}"#, "must be a list of messages"),
      (#"{"messages": ["Q"]}"#, "message 1 of \"messages\" must be an object"),
      (#"{"messages": [{"content": "Q"}]}"#, "has no \"role\""),
      (#"{"messages": [{"role": "user"}]}"#, "has no \"content\""),
      (#"{"messages": [{"role": "user", "content": 1}]}"#, "has a \"content\" that is a whole number"),
      (#"{"messages": [{"role": "user", "content": "Q", "weight": 2}]}"#, "a weight other than 0 and 1"),
      (#"{"conversations": [{"from": "human"}]}"#, "has no \"value\""),
      (#"{"conversations": [{"from": "function_call", "value": "{"}]}"#, "not JSON"),
      (
        #"{"messages": [{"role": "user", "content": "Q"}], "tools": "{"}"#,
        "\"tools\" is a text that is not JSON"
      ),
      (#"{"messages": [{"role": "user", "content": "Q"}], "chat_template_kwargs": 1}"#, "must be an object"),
    ]
    for (row, words) in rows {
      let error = #expect(throws: UserErrors.self) { try learned(row, format: .messages) }
      #expect("\(error.map { "\($0)" } ?? "")".contains(words), "\(row): \(error.map { "\($0)" } ?? "")")
    }
    #expect(rows.count == 11)
    let unknown = #expect(throws: UserErrors.self) {
      try learned(Self.dialogue, ChatOptions(template: "chatmll"))
    }
    #expect("\(unknown.map { "\($0)" } ?? "")".contains("did you mean chatml?"))
  }

  /// A template that writes earlier turns in another way once there are later ones cannot tell which bytes are whose.
  @Test func templatesThatChangeEarlierTurns() throws {
    let folder = try Folder()
    let template = try folder.write(
      "last.jinja",
      "{% for m in messages %}[{{ m.role }}]{{ m.content if loop.last or m.role == 'user' else m.content[:1] }};{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    let rows =
      #"{"messages": [{"role": "user", "content": "Q1"}, {"role": "assistant", "content": "A1"}, {"role": "user", "content": "Q2"}, {"role": "assistant", "content": "A2"}]}"#
    let error = #expect(throws: UserErrors.self) { try learned(rows, ChatOptions(template: template)) }
    #expect("\(error.map { "\($0)" } ?? "")".contains("writes message 2 in another way"))
    let last = try learned(rows, ChatOptions(template: template, loss: .lastAnswer))
    #expect(last[0].hasSuffix("[.A2;") || last[0].hasSuffix(".A2;"), "\(last)")
  }

  /// Rows whose prompt fills the sequence have no target; their counts alone tell that, as in runs before chats.
  @Test func onlyScatteredTargetsAreToldApart() throws {
    let folder = try Folder()
    func sequences(_ rows: String) throws -> TokenSequences {
      let file = try folder.write("rows.jsonl", rows)
      var options = DataOptions(train: [file], packing: false, sequenceLength: 16, seed: 0)
      options.chats = ChatOptions(template: "chatml", loss: .roles(["user"]))
      return try Dataset(options, encoder: .bytes()).train
    }
    let filled = #"{"prompt": "a prompt that is longer", "completion": "x"}"# + "\n"
    let answered = #"{"prompt": "a", "completion": "bc"}"# + "\n"
    let plain = try sequences(filled + answered)
    #expect(plain.targetCounts.contains(0) && !plain.hasScatteredTargets)
    let chat = #"{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}"#
    var options = DataOptions(
      train: [try folder.write("chat.jsonl", chat)], packing: false, sequenceLength: 256, seed: 0)
    options.chats = ChatOptions(template: "chatml", loss: .roles(["user"]))
    #expect(try Dataset(options, encoder: .bytes()).train.hasScatteredTargets)
  }
}
