// Every line of cases.txt, against what jinja2 gives for it.
import Base
import Templates
import Testing

@Suite struct JinjaCaseTests {
  private static func render(_ source: [UInt8], _ variables: [JSON.Member]) throws -> String {
    String(decoding: try Template(source).render(variables).text, as: UTF8.self)
  }

  @Test func everyCaseIsThatOfJinja() throws {
    let variables = try #require(TemplateFixtures.json("variables.json").members)
    var texts = 0
    var errors = 0
    for line in try #require(TemplateFixtures.json("cases.json").elements) {
      let parts = try #require(line.elements)
      let source = try #require(parts[0].bytes)
      let name = String(decoding: source, as: UTF8.self)
      if let text = parts[1].text {
        #expect(throws: Never.self, "\(name)") {
          let got = try Self.render(source, variables)
          #expect(got == text, "\(name)")
        }
        texts += 1
      } else {
        #expect(throws: TemplateError.self, "\(name)") { try Self.render(source, variables) }
        errors += 1
      }
    }
    #expect(texts > 220 && errors > 270)
  }

  /// What a template raises says where.
  @Test func errorsHaveTheirLine() throws {
    let cases = [
      ("a\n{{ 1 + }}", 2, "unexpected '}}'"), ("\n\n{% if x %}", 3, "'elif' or 'else' or 'endif'"),
      ("{% set a = 1 %}\n{{ a.b.c }}", 2, "'int object' has no attribute 'b'"),
      ("{% macro m() %}\n\n{{ none + 1 }}{% endmacro %}\n{{ m() }}", 3, "NoneType"),
      ("x\n{% if true %}\n{{ raise_exception('say so') }}{% endif %}", 3, "say so"),
      ("{# a\nb #}{% nope %}", 2, "Encountered unknown tag 'nope'"),
      ("{% include 'other' %}", 1, "a chat template is one file"),
      ("{{ x\n|nope }}", 2, "No filter named 'nope'"),
    ]
    for (source, line, message) in cases {
      let error = #expect(throws: TemplateError.self) { try Self.render(Array(source.utf8), []) }
      #expect(error?.line == line, "\(source)")
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
    #expect(cases.count == 8)
  }

  /// Numbers, as Python's `json.loads` reads them.
  @Test func numbersOfJSONKeepTheirForm() throws {
    let numbers = try JSON.parse(
      "[1, 1.0, 2.50, 1e3, 1E-7, -0.0, 1e16, 123456789012345678, 0.1, 1.5e300, -0]")
    let text = try Self.render(
      Array("{{ x }} {{ x | tojson }}".utf8), [TemplateFixtures.member("x", numbers)])
    let list = "[1, 1.0, 2.5, 1000.0, 1e-07, -0.0, 1e+16, 123456789012345678, 0.1, 1.5e+300, 0]"
    #expect(text == list + " " + list)
  }

  @Test func aTemplateRendersInSeveralThreadsAtOnce() async throws {
    let template = try Template(
      "{% macro m(x) %}{{ x }}{% endmacro %}{% for i in range(50) %}{{ m(i ~ s) }}{% endfor %}")
    let expected = try template.render([TemplateFixtures.member("s", .string("é"))])
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (0..<50).allSatisfy { _ in
            (try? template.render([TemplateFixtures.member("s", .string("é"))])) == expected
          }
        }
      }
      for await isSame in group { #expect(isSame) }
    }
  }
}
