// Templates that want too much end in one line, soon and within little memory.
import Base
import Foundation
import Templates
import Testing

@Suite struct HostileTemplateTests {
  private static func nested(_ open: String, _ close: String, _ count: Int, _ inner: String) -> String {
    String(repeating: open, count: count) + inner + String(repeating: close, count: count)
  }

  /// Each with a part of what is said about it; nil where it renders.
  static let templates: [(String, String?)] = [
    ("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "steps"),
    ("{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}", "steps"),
    ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
    ("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
    ("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}", "steps"),
    ("{% for a in [[]] recursive %}{{ loop([[]]) }}{% endfor %}", "recursion"),
    (
      "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
      "MiB"
    ),
    (
      "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", "MiB"
    ),
    (
      "{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
      "levels deep"
    ),
    (
      "{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = {'a': ns.x} %}{% endfor %}",
      "levels deep"
    ),
    (
      "{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x.foo, ns.x] %}{% endfor %}",
      "levels deep"
    ),
    (
      "{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}{% set ns.x = ns.x|map('string') %}{% endfor %}{{ ns.x|list }}",
      "levels deep"
    ),
    (
      "{% set ns = namespace(x={}) %}{% for i in range(9999) %}{% set ns.x = {'a': ns.x.items()} %}{% endfor %}",
      "levels deep"
    ),
    (
      "{% set ns = namespace(x='') %}{% for i in range(9999) %}{% set ns.x = cycler(ns.x).next %}{% endfor %}",
      "levels deep"
    ),
    ("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", nil),
    (
      "{% set a = namespace() %}{% set h = namespace(x=a) %}{% for i in range(9999) %}{% set h.x = namespace(x=h.x) %}{% endfor %}{{ h }}",
      "recursion"
    ),
    ("{{ 'a' * 99999999999 }}", "MiB"), ("{{ [1] * 999999999 }}", "MiB"),
    ("{{ (1,) * 9223372036854775807 }}", "MiB"),
    ("{{ 2 ** 9999999 }}", "64 bits"), ("{{ 9223372036854775807 + 1 }}", "64 bits"),
    ("{{ 99999999999999999999 }}", "64 bits"),
    ("{{ 'x'.center(99999999999) }}", "MiB"), ("{{ 'x'.ljust(9223372036854775807) }}", "MiB"),
    ("{{ 'x'|center(9e9|int) }}", "MiB"),
    ("{{ '%99999999999d' % 1 }}", "too big"), ("{{ '%*d' % (99999999999, 1) }}", "too big"),
    ("{{ '%.99999f' % 1.5 }}", "too big"),
    ("{{ '{:99999999999}'.format(1) }}", "Too many decimal digits"),
    ("{{ '{:.99999f}'.format(1.5) }}", "too big"),
    ("{{ '{:{}}'.format(1, 999999) | length }}", nil), ("{{ 'a\tb'.expandtabs(99999999999) }}", "MiB"),
    ("{{ 'x' | indent(99999999999) }}", "MiB"), ("{{ [1] | tojson(indent=99999999999) }}", "MiB"),
    ("{{ 'x'.zfill(99999999999) }}", "MiB"),
    ("{{ [1] | batch(99999999999, 1) | list }}", "MiB"), ("{{ [1] | slice(99999999999) | list }}", "steps"),
    ("{{ range(9999999) }}", "Range too big"),
    ("{{ range(-9223372036854775807, 9223372036854775807) }}", "Range too big"),
    ("{{ ('x' * 99999).split('x') | length }}", nil),
    ("{{ 'x' | replace('', 'y' * 1000000) | replace('y', 'z' * 1000000) }}", "MiB"),
    (
      "{% set s = 'a' * 200000 %}{% for i in range(100000) %}{% if (s ~ 'b') in s %}{% endif %}{% endfor %}",
      "more than"
    ),
    ("{% set s = 'a' * 5000000 %}{% for i in range(100000) %}{{ s.find('ab') }}{% endfor %}", "steps"),
    ("{% set s = ('a' * 2000000) %}{{ s.find('a' * 1000000 ~ 'b') }}", nil),
    ("{{ (-9223372036854775807 - 1) // -1 }}", "64 bits"),
    ("{{ (-9223372036854775807 - 1) % -1 }}", nil), ("{{ -(-9223372036854775807 - 1) }}", "64 bits"),
    (
      "{{ 'abc'[9223372036854775807] }}{{ 'abc'[-9223372036854775807 - 1] }}{{ [1][-9223372036854775807 - 1] }}",
      nil
    ),
    (
      "{{ 'abc'[-9223372036854775807 - 1:9223372036854775807:-9223372036854775807 - 1] }}{{ [1, 2][9223372036854775807::9223372036854775807] }}",
      nil
    ),
    (
      "{{ 'abc'.find('c', -9223372036854775807 - 1, 9223372036854775807) }}{{ 'abc'.split('b', 9223372036854775807) }}",
      nil
    ),
    ("{{ 1 | round(9223372036854775807) }}{{ 1.5 | round(-9223372036854775807 - 1) }}", nil),
    ("{{ 15 | round(-9223372036854775807) }}", nil),
    (nested("(", ")", 5000, "1"), nil), ("{{ " + nested("(", ")", 5000, "1") + " }}", "nested more than"),
    ("{{ " + nested("[", "]", 99999, "1") + " }}", "nested more than"),
    ("{{ " + String(repeating: "- ", count: 99999) + "1 }}", "nested more than"),
    ("{{ " + String(repeating: "not ", count: 99999) + "1 }}", "nested more than"),
    ("{{ 1" + String(repeating: " + 1", count: 99999) + " }}", "nested more than"),
    ("{{ x" + String(repeating: ".a", count: 99999) + " }}", "nested more than"),
    ("{{ x" + String(repeating: "|d", count: 99999) + " }}", "nested more than"),
    ("{{ 1" + String(repeating: " if 1 else 1", count: 69999) + " }}", "nested more than"),
    (nested("{% if 1 %}", "{% endif %}", 9999, "x"), "nested more than"),
    (nested("{% for a in 'a' %}", "{% endfor %}", 9999, "x"), "nested more than"),
    (nested("{% set x %}", "{% endset %}", 90, "x"), nil),
    (nested("{% if 1 %}", "{% endif %}", 90, "x"), nil),
    (String(repeating: "{{", count: 99999), "nested more than"),
    (String(repeating: "{%", count: 99999), "tag name expected"),
    (String(repeating: "{% raw %}", count: 9999), "raw"), (String(repeating: "{#", count: 9999), "comment"),
    ("{% macro m(" + (0..<2000).map { "a\($0)" }.joined(separator: ",") + ") %}{% endmacro %}{{ m() }}", nil),
    ("{{ x" + String(repeating: "(x", count: 95) + String(repeating: ")", count: 95) + " }}", "undefined"),
    ("{{ x" + String(repeating: ".a(x", count: 95) + String(repeating: ")", count: 95) + " }}", "undefined"),
    ("{{ x" + String(repeating: "|d(x", count: 95) + String(repeating: ")", count: 95) + " }}", nil),
    ("{{ x" + String(repeating: "[x", count: 95) + String(repeating: "]", count: 95) + " }}", "undefined"),
    ("{{ x" + String(repeating: " is eq(x", count: 95) + String(repeating: ")", count: 95) + " }}", nil),
    ("{{ [" + String(repeating: "1,", count: 50000) + "] | length }}", nil),
    ("{{ d.__class__.__init__.__globals__ }}", "unsafe"),
    ("{{ ''.__class__.mro() }}", "unsafe"), ("{{ '{0.__class__.__mro__}'.format(1) }}", "unsafe"),
    ("{{ namespace(**{'__init__': 1}) }}", "underscore"),
    ("{{ [].append(1) }}", "unsafe"), ("{{ lipsum(5) }}", "not built in"),
    ("{{ 'a'.encode() }}", "not built in"), ("{{ [1] | random }}", "not built in"),
    (
      "{% set ns = namespace() %}{% macro m() %}{{ caller() }}{% set ns.c = caller %}{% endmacro %}{% for i in range(9999) %}{% call m() %}{{ ns.c is defined }}{% endcall %}{% endfor %}",
      nil
    ),
    ("{% for x in range(9) %}{{ loop.changed(loop) }}{% endfor %}", nil),
    ("{{ strftime_now('%' ~ '9' * 5000 ~ 'd') | length < 1000000 }}", nil),
    ("{{ 'a' | wordwrap(0) }}", "invalid width"), ("{{ ('ab ' * 99999) | wordwrap(1) | length }}", nil),
    ("{{ ('<' * 99999) | striptags | length }}", nil),
  ]

  @Test(arguments: templates.indices) func everyOneEndsInOneLine(_ number: Int) throws {
    let (source, message) = Self.templates[number]
    let start = ContinuousClock.now
    do throws(TemplateError) {
      _ = try Template(source).render([TemplateFixtures.member("d", .object([]))])
      #expect(message == nil, "\(source.prefix(200))")
    } catch {
      #expect(message.map { error.message.contains($0) } == true, "\(source.prefix(200)): \(error)")
      #expect(!error.description.contains("\n") && error.description.utf8.count < 4000 && error.line > 0)
    }
    #expect(ContinuousClock.now - start < .seconds(30), "\(source.prefix(200))")
  }

  @Test func bytesThatAreNoTextAreRefused() {
    let error = #expect(throws: TemplateError.self) { try Template([0x61, 0xFF, 0x7B]) }
    #expect(error?.message == "is not UTF-8")
    #expect(throws: TemplateError.self) { try Template([UInt8](repeating: 0x61, count: 2 << 20)) }
  }
}
