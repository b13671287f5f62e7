// Regular expressions and literals of Python: what its `re` and `ast` give.
import Base
import Templates
import Testing

@Suite struct PatternTests {
  @Test(arguments: [
    (#"(\d+)-(\w*)"#, "1-a 22- 3-ö", [["1", "a"], ["22", ""], ["3", "ö"]]),
    (#"a*"#, "baac", [[""], ["aa"], [""], [""]]),
    (#"(?i)straße|x"#, "STRAßE X", [["STRAßE"], ["X"]]),
    (#"(?<=\$)\d+(?!\d|%)"#, "$12 $13% 14", [["12"]]),
    (#"^\w+$"#, "one\n", [["one"]]), (#"(?m)^\w+$"#, "one\ntwo", [["one"], ["two"]]),
    (#"(?s)a.b"#, "a\nb", [["a\nb"]]), (#"[^\]a-c\s]+"#, "ab]d e", [["d"], ["e"]]),
    (#"(a|ab)(c|bcd)(d*)"#, "abcd", [["a", "bcd", ""]]),
    (#"(?P<q>['"]).*?(?P=q)"#, #""a" 'b'"#, [["\""], ["'"]]),
    (#"(-?[$0-9.,]{2,})|(-?[0-9]+)"#, "7 and 12.50", [["", "7"], ["12.50", ""]]),
    (#"x{2,3}?"#, "xxxxx", [["xx"], ["xx"]]), (#"(?>a+)b|a"#, "aaab a", [["aaab"], ["a"]]),
    (#"a{,2}b"#, "aab", [["aab"]]),
    (#"\bcat\b"#, "cat concat cat", [["cat"], ["cat"]]), (#"(?:(a)|b)*"#, "ab", [["a"], [""]]),
  ])
  func findsWhatPythonFinds(_ pattern: String, _ text: String, _ expected: [[String]]) throws {
    #expect(try Pattern(pattern).findAll(in: text) == expected)
  }

  @Test func replacesAsPythonDoes() throws {
    #expect(try Pattern(#"(\w)(\d)"#).replacing("a1 b2 c", by: #"\2\g<1>-"#) == "1a- 2b- c")
    #expect(try Pattern("x*").replacing("axb", by: "-") == "-a--b-")
    #expect(try Pattern("a").replacing("aaa", by: "b", count: 2) == "bba")
  }

  @Test(arguments: [
    "(", "a**", "[a", "(?P<a>x)(?P<a>y)", #"\1"#, "(?<=a+)b", "a{3,1}", "x{1,60000}", "*", #"\q"#,
  ])
  func refusesWhatIsNoPattern(_ pattern: String) {
    #expect(throws: PatternMistake.self) { try Pattern(pattern) }
  }

  @Test func evilPatternsEnd() throws {
    let pattern = try Pattern("(a|aa)+$")
    #expect(throws: PatternMistake.self) { try pattern.matches(String(repeating: "a", count: 200) + "b") }
  }

  @Test func readsLiterals() {
    func parse(_ text: String) -> JSON? { PythonLiteral.parse(Array(text.utf8)) }
    #expect(
      parse(#"['it\'s', "a \"b\"", 'x' 'y']"#)
        == .array([.string("it's"), .string("a \"b\""), .string("xy")]))
    #expect(
      parse("[1, -2.5, True, None, (3,), {'a': []}]")
        == .array([
          .integer(1), .number(-2.5), .bool(true), .null, .array([.integer(3)]), .object(["a": .array([])]),
        ]))
    #expect(parse(#"'\u00e9\x41\n'"#) == .string("éA\n"))
    for text in ["", "[1", "a", "[a]", "1 2", "'a", "__import__('os')", "007"] {
      #expect(parse(text) == nil, "\(text)")
    }
    #expect(
      String(decoding: PythonLiteral.text(.array([.string("a'b"), .number(1), .null])), as: UTF8.self)
        == #"["a'b", 1.0, None]"#)
  }

  @Test func taskTemplatesAreStrict() throws {
    func render(_ source: String, _ members: KeyValuePairs<String, JSON> = [:]) throws -> String {
      let text = try Template(source, style: .task).render(JSON.object(members).members ?? []).text
      return String(decoding: text, as: UTF8.self)
    }
    #expect(try render("{% if a is defined %}\n{{ a }}\n{% endif %}\n", ["a": .integer(1)]) == "\n1\n\n")
    #expect(try render("{{ a | default('x') }}{{ 'A1b2' | regex_replace('[0-9]', '_') }}") == "xA_b_")
    for source in [
      "{{ a }}", "{% if a %}{% endif %}", "{{ a == 1 }}", "{% for x in a %}{% endfor %}", "{{ b.c }}",
      "{{ a|length }}",
    ] {
      #expect(throws: TemplateError.self) { try render(source, ["b": .object([:])]) }
    }
    // Chat templates are as they were.
    #expect(try Template("{{ a }}x\n").render([]).text == Array("x".utf8))
  }
}
