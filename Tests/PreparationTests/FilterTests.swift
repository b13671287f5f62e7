import Base
import Preparation
import Testing

@Suite struct FilterTests {
  @Test func reasons() throws {
    let cases: [(settings: String, row: String, reason: String?)] = [
      (#"{"min_characters": 3}"#, #"{"text": "äö"}"#, "shorter than min_characters"),
      (#"{"min_characters": 3}"#, #"{"text": "äöü"}"#, nil),
      (#"{"max_characters": 3}"#, #"{"text": "äöü"}"#, nil),
      (#"{"max_characters": 3}"#, #"{"prompt": "ab", "completion": "cd"}"#, "longer than max_characters"),
      (#"{"min_words": 2}"#, #"{"text": " one "}"#, "shorter than min_words"),
      (#"{"max_words": 2}"#, #"{"text": "one two\nthree"}"#, "longer than max_words"),
      (#"{"min_letters": 0.5}"#, #"{"text": "a 1 2 3"}"#, "fewer letters than min_letters"),
      (#"{"min_letters": 0.5}"#, #"{"text": "ab 1 2"}"#, nil),
      (#"{"max_repeated": 0.2}"#, #"{"text": "same\nsame\nother"}"#, "more repeated than max_repeated"),
      (#"{"max_repeated": 0.3}"#, #"{"text": "same\nsame\nother"}"#, nil),
      (#"{"where": "score > 0.5"}"#, #"{"score": 0.6}"#, nil),
      (#"{"where": "score > 0.5"}"#, #"{"score": 0.5}"#, "where"),
      (#"{"where": "lang in ['en', 'de'] and not spam"}"#, #"{"lang": "de", "spam": false}"#, nil),
      (#"{"where": "lang in ['en', 'de'] and not spam"}"#, #"{"lang": "fr"}"#, "where"),
      (#"{"where": "text | length > 2"}"#, #"{"text": "äöü"}"#, nil),
      (
        #"{"where": "messages[-1].role == 'assistant'"}"#,
        #"{"messages": [{"role": "user", "content": ""}]}"#, "where"
      ),
    ]
    for (settings, json, reason) in cases {
      let filter = try step(Filter.self, settings)
      #expect(try filter.reason(JSON.parse(json))?.what == reason, "\(settings) \(json)")
    }
    #expect(cases.count == 16)
  }

  @Test func conditionsThatCannotBeComputed() throws {
    let filter = try step(Filter.self, #"{"where": "score > 1"}"#)
    let error = #expect(throws: UserError.self) { try result(filter, of: #"{"score": "a"}"#) }
    #expect(error?.description == "where: '>' not supported between instances of 'str' and 'int'")
  }
}
