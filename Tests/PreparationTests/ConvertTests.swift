import Base
import Preparation
import Testing

@Suite struct ConvertTests {
  private static let alpaca = #"{"id": 7, "instruction": "Add.", "input": "", "output": "3"}"#
  private static let chat =
    #"{"messages": [{"role": "user", "content": "Add."}, {"role": "assistant", "content": "3"}], "id": 7}"#

  @Test func rows() throws {
    let cases: [(to: String, row: String, new: String)] = [
      ("messages", Self.alpaca, Self.chat),
      ("alpaca", Self.chat, #"{"instruction": "Add.", "input": "", "output": "3", "id": 7}"#),
      ("completion", Self.chat, #"{"prompt": "Add.", "completion": "3", "id": 7}"#),
      ("messages", #"{"prompt": "Add.", "response": "3", "id": 7}"#, Self.chat),
      ("completion", #"{"prompt": "a", "response": "b"}"#, #"{"prompt": "a", "completion": "b"}"#),
      (
        "alpaca", #"{"prompt": "a", "completion": "b"}"#, #"{"instruction": "a", "input": "", "output": "b"}"#
      ),
      ("text", #"{"text": "a"}"#, #"{"text": "a"}"#),
      (
        "messages",
        #"{"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}"#,
        #"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}"#
      ),
      (
        "alpaca",
        #"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "b"}]}"#,
        #"{"instruction": "r", "input": "", "output": "b", "history": [["q", "a"]], "system": "s"}"#
      ),
      (
        "completion", #"{"instruction": "I", "input": "N", "output": "O"}"#,
        #"{"prompt": "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\nI\n\n### Input:\nN\n\n### Response:", "completion": "O"}"#
      ),
      (
        "messages",
        #"{"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], "completion": [{"role": "assistant", "content": "d"}]}"#,
        #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}"#
      ),
    ]
    for (target, json, new) in cases {
      let convert = try step(Convert.self, "{\"to\": \"\(target)\"}")
      #expect(try result(convert, of: json) == [new], "\(target) \(json)")
    }
    #expect(cases.count == 11)
    let joining = try step(Convert.self, #"{"to": "messages", "join_input": true}"#)
    #expect(
      try result(joining, of: #"{"instruction": "I", "input": "N", "output": "O"}"#)
        == [#"{"messages": [{"role": "user", "content": "I\nN"}, {"role": "assistant", "content": "O"}]}"#])
  }

  @Test func whatWouldBeLost() throws {
    let system =
      #"{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}"#
    let tools =
      #"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "tools": [{"name": "t"}]}"#
    let twoQuestions = #"{"messages": [{"role": "user", "content": "q"}, {"role": "user", "content": "q"}]}"#
    let cases: [(to: String, row: String, error: String)] = [
      ("text", Self.alpaca, "in format text it would lose which part of it is to be learned"),
      ("completion", system, "in format completion it would lose the system prompt"),
      ("alpaca", tools, "in format alpaca it would lose the tools and variables of the chat"),
      (
        "alpaca", twoQuestions,
        "in format alpaca it would lose the order of its roles, which are not user and assistant in turn"
      ),
      (
        "messages", #"{"instruction": "I", "input": "N", "output": "O"}"#,
        "in format messages it would lose where the instruction ends and its input begins"
      ),
      ("messages", #"{"text": "a"}"#, "is a text, and messages need a question and its answer"),
      ("messages", #"{"x": "a"}"#, "is no row of messages, completion, alpaca or text"),
    ]
    for (target, json, what) in cases {
      let convert = try step(Convert.self, "{\"to\": \"\(target)\"}")
      let error = #expect(throws: UserError.self) { try result(convert, of: json) }
      #expect(error?.what == what)
      #expect(error?.code == .data)
    }
    #expect(cases.count == 7)
  }
}
