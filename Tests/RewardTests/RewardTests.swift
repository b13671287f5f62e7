// What each reward says of answers, and how recipes name rewards.
import Base
import Rewards
import Testing

private func answer(
  _ completion: String, to reference: String? = nil, tokens: Int = 4, longest: Int = 16
) -> RewardedAnswer {
  RewardedAnswer(
    prompt: Array("?".utf8), completion: Array(completion.utf8), tokens: tokens, longest: longest,
    reference: reference.map { Array($0.utf8) }, row: [])
}

private func rewards(_ json: String) throws -> [RewardRecipe] {
  let section = Section(
    try JSON.parse(#"{"rewards": \#(json)}"#), file: nil, path: "task", code: .usage, problems: Problems())
  let list = RewardRecipe.list(section)
  section.refuseUnknownKeys(of: "a task")
  try section.problems.throwIfAny()
  return list
}

private func score(_ json: String, _ answer: RewardedAnswer) throws -> Double {
  guard case .function(let reward) = try #require(try rewards(json).first).source else { return .nan }
  return reward(answer)
}

@Suite struct RewardTests {
  @Test(arguments: [
    ("[exact_match]", "  yes\n", "yes", 1.0), ("[exact_match]", "Yes", "yes", 0),
    ("[{name: exact_match, ignore_case: true}]", "Yes", "yes", 1),
    ("[{name: exact_match, ignore_punctuation: true}]", "yes!", "yes", 1),
    ("[number]", "2 and 2 make 4, so 1,234.50 it is.", "so #### 1234.5", 1),
    ("[number]", "#### 12\nnot 13", "12", 1), ("[number]", "9-3", "3", 1), ("[number]", "it is -3", "-3", 1),
    ("[number]", "none", "3", 0), ("[number]", "1e3", "1000", 1), ("[number]", "3.0000001", "3", 0),
    ("[number]", "1,23", "123", 0), ("[number]", "$5.", "5", 1),
    ("[choice]", "A man. The answer is (B).", "B", 1), ("[choice]", "C. since A", "C", 1),
    ("[choice]", "Apples", "A", 0), ("[{name: choice, letters: XY}]", "Y", "X or Y? answer: Y", 1),
    ("[unit]", "it is 1.5 km", "1500 m", 1), ("[unit]", "1500 cm", "1500 m", 0),
    ("[unit]", "3 kg", "3 km", 0),
    ("[unit]", "about 90 minutes", "1.5 hours", 1), ("[unit]", "32 °F", "0 C", 1), ("[unit]", "5", "5 m", 0),
    ("[{name: regex, pattern: '^[0-9]+$', compare: false}]", "12", "x", 1),
    ("[{name: regex, pattern: 'is (\\\\w+)', compare: true}]", "it is red. it is blue", "blue", 1),
    ("[{name: regex, pattern: 'is (\\\\w+)', compare: true}]", "it was red", "red", 0),
  ])
  func referencesCount(_ json: String, _ completion: String, _ reference: String, _ expected: Double) throws {
    // A list as YAML has it, in JSON's quotes.
    let quoted = json.replacing(#/([a-z_XY]+)(?=[:,\]}])/#) { "\"\($0.output.0)\"" }
      .replacing("'", with: "\"").replacing("\"true\"", with: "true").replacing("\"false\"", with: "false")
    #expect(try score(quoted, answer(completion, to: reference)) == expected, "\(completion)")
  }

  @Test func formsCount() throws {
    #expect(try score(#"["json"]"#, answer(" {\"a\": 1}\n")) == 1)
    #expect(try score(#"["json"]"#, answer("```json\n{\"a\": 1}\n```")) == 1)
    #expect(try score(#"["json"]"#, answer("{\"a\": }")) == 0)
    #expect(try score(#"[{"name": "json", "keys": ["a", "b"]}]"#, answer("{\"a\": 1}")) == 0.5)
    #expect(try score(#"["length"]"#, answer("x", tokens: 4, longest: 16)) == 0.75)
    #expect(try score(#"[{"name": "length", "target": 8}]"#, answer("x", tokens: 6)) == 0.75)
    #expect(try score(#"[{"name": "length", "target": 8}]"#, answer("x", tokens: 99)) == 0)
  }

  @Test func recipesNameRewards() throws {
    let list = try rewards(
      #"["exact_match", {"name": "length", "weight": 0.1}, {"command": "./score", "timeout": 3}]"#)
    #expect(list.map(\.name) == ["exact_match", "length", "command"] && list.map(\.weight) == [1, 0.1, 1])
    guard case .command(let command, let timeout) = list[2].source else {
      Issue.record("a command is one")
      return
    }
    #expect(command == "./score" && timeout == 3)
    #expect(try rewards(#""number""#).map(\.name) == ["number"])
  }

  @Test(arguments: [
    (
      #"["exact_mach"]"#,
      "task.rewards[0].name: is \"exact_mach\", which is no reward (did you mean exact_match?)"
    ),
    (#"["json", {"name": "json"}]"#, "task.rewards: has json twice"),
    (#"[{"name": "length", "target": 0}]"#, "task.rewards[0].target: is 0"),
    (#"[{"name": "length", "targets": 3}]"#, "task.rewards[0].targets: is not a key"),
    (#"[{"name": "regex", "pattern": "("}]"#, "task.rewards[0].pattern: is not a regular expression"),
    (#"[]"#, "task.rewards: is an empty list"), (#"3"#, "task.rewards: is a whole number"),
    (#"[3]"#, "task.rewards[0]: is a whole number"),
  ])
  func mistakes(_ json: String, _ expected: String) throws {
    let error = #expect(throws: (any Error).self) { try rewards(json) }
    #expect(error.map { "\($0)" }?.contains(expected) == true, "\(String(describing: error))")
  }
}
