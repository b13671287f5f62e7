import Base
import Testing

@Suite struct JSONTests {
  @Test func valuesAreRead() throws {
    let json = try JSON.parse(#" {"a": [1, -2.5e1, true, null], "b": "x\u00e9\ud83d\ude00\n"} "#)
    #expect(json["a"]?.elements == [.integer(1), .number(-25), .bool(true), .null])
    #expect(json["b"]?.text == "xé😀\n")
    #expect(try JSON.parse(json.encoded()) == json)
    #expect(try JSON.parse(json.encoded(indented: true)) == json)
  }

  /// Composed and decomposed à are one `String` key, and two tokens of a vocabulary.
  @Test func canonicallyEquivalentKeysStayApart() throws {
    let json = try JSON.parse("{\"\u{e0}\": 1, \"a\u{300}\": 2}")
    #expect(json.members?.count == 2)
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.", "1e", "\"\\ud800\"", "\"\\x\"", "\"a", "tru", "[1] 2",
    "\"\u{1}\"", "nan", "1e999", "{a:1}",
  ])
  func brokenTextIsRefused(_ text: String) {
    #expect(throws: JSON.ParseError.self) { try JSON.parse(text) }
  }

  @Test func deepNestingAndBadUTF8AreRefused() {
    #expect(throws: JSON.ParseError.self) { try JSON.parse(String(repeating: "[", count: 100_000)) }
    #expect(throws: JSON.ParseError.self) { try JSON.parse([0x22, 0xFF, 0x22]) }
  }
}
