import Base
import Preparation
import Testing

@Suite struct CleanTests {
  @Test func markupBecomesText() {
    let cases: [(html: String, text: String)] = [
      ("no markup", "no markup"),
      ("a < b and b > c", "a < b and b > c"),
      ("<p>One.</p><p>Two.</p>", "One.\nTwo.\n"),
      ("<P CLASS=\"a>b\">x</P>", "x\n"),
      ("a<br/>b<BR>c", "a\nb\nc"),
      ("<b>bold</b> and <i>not</i>", "bold and not"),
      ("x<!-- <p>gone</p> -->y", "xy"),
      ("x<!-- no end", "x<!-- no end"),
      ("<script>if (a < b) { x = '<p>' }</script>z", "z"),
      ("<STYLE>p { }</STYLE>z", "z"),
      ("<!DOCTYPE html><?xml version='1.0'?>t", "t"),
      ("Q&amp;A &lt;b&gt; &eacute; &#233; &#xE9; &apos;", "Q&A <b> é é é '"),
      ("AT&T; &nosuchname; & &;", "AT&T; &nosuchname; & &;"),
      ("&#0; &#xD800; &#99999999;", "&#0; &#xD800; &#99999999;"),
      ("<h1>Head</h1>text", "Head\ntext"),
      ("<", "<"), ("<a", "<a"), ("</", "</"), ("&", "&"), ("", ""),
    ]
    for (html, text) in cases {
      #expect(String(decoding: HTMLText.stripped(Array(html.utf8)), as: UTF8.self) == text, "\(html)")
    }
    #expect(cases.count == 20)
  }

  @Test func whiteSpaceCollapses() {
    let cases: [(before: String, after: String)] = [
      ("a  b", "a b"), ("a\t \tb", "a b"), (" a ", "a"), ("a\u{A0}b\u{3000}c", "a b c"), ("a\r\nb", "a\nb"),
      ("a\rb", "a\nb"), ("a \n b", "a\nb"), ("a\n\n\n\nb", "a\n\nb"), ("a\r\n\r\nb", "a\n\nb"), ("\n \n", ""),
      ("a\u{2028}b", "a\nb"), ("a\u{200D}b", "a\u{200D}b"), ("", ""),
    ]
    for (before, after) in cases {
      #expect(PlainText.collapsed(Array(before.utf8)) == Array(after.utf8), "\(before.debugDescription)")
    }
    #expect(cases.count == 13)
    #expect(PlainText.trimmed(Array(" \u{3000}a  b\n".utf8)) == Array("a  b".utf8))
    #expect(PlainText.trimmed(Array(" \n".utf8)) == [])
  }

  @Test func controlCharactersGo() {
    let hidden: [UInt32] = [0, 7, 0x7F, 0x85, 0xFEFF, 0xFFFE, 0xFDD0, 0x1FFFF]
    for value in hidden {
      let text = Array("a".utf8) + Array(UTF8.encode(Unicode.Scalar(value)!)!) + Array("b".utf8)
      #expect(PlainText.withoutControls(text) == Array("ab".utf8), "\(value)")
    }
    #expect(hidden.count == 8)
    let visible = Array("a\tb\nc\r\nd\u{200D}e\u{200E}f".utf8)
    #expect(PlainText.withoutControls(visible) == visible)
  }

  /// The forms are those of Python's `unicodedata.normalize`.
  @Test func formsOfUnicode() throws {
    let cases: [(form: String, before: [UInt32], after: [UInt32])] = [
      ("nfc", [0x65, 0x301], [0xE9]), ("nfd", [0xE9], [0x65, 0x301]), ("nfc", [0x212B], [0xC5]),
      ("nfc", [0x1100, 0x1161, 0x11A8], [0xAC01]), ("nfd", [0xAC01], [0x1100, 0x1161, 0x11A8]),
      ("nfc", [0x71, 0x307, 0x323], [0x71, 0x323, 0x307]), ("nfc", [0x958], [0x915, 0x93C]),
      ("nfkc", [0xFB01], [0x66, 0x69]), ("nfkc", [0xFF21], [0x41]),
      ("nfkd", [0x1E9B, 0x323], [0x73, 0x323, 0x307]),
      ("nfc", [0x10059, 0x323], [0x10059, 0x323]), ("nfc", [0xFB01], [0xFB01]),
      ("keep", [0x65, 0x301], [0x65, 0x301]),
      ("nfc", [0x11099, 0x110BA], [0x1109A]), ("nfd", [0x1D15E], [0x1D157, 0x1D165]),
      ("nfkc", [0x2460], [0x31]),
      ("nfkc", [0x3388], [0x63, 0x61, 0x6C]), ("nfc", [0x0F73], [0x0F71, 0x0F72]),
      ("nfc", [0x2ADC], [0x2ADD, 0x338]),
    ]
    func bytes(_ scalars: [UInt32]) -> [UInt8] {
      scalars.flatMap { Array(UTF8.encode(Unicode.Scalar($0)!)!) }
    }
    for (form, before, after) in cases {
      let clean = try step(Clean.self, "{\"unicode\": \"\(form)\"}")
      #expect(clean.cleaned(bytes(before)) == bytes(after), "\(form) \(before)")
    }
    #expect(cases.count == 19)
  }

  @Test func rowsKeepWhatIsNoTextToLearn() throws {
    let clean = try step(Clean.self, #"{"whitespace": "collapse"}"#)
    #expect(
      try result(clean, of: #"{"id": " 1 ", "text": " a  b ", "n": 1e400}"#) == [
        #"{"id": " 1 ", "text": "a b", "n": null}"#
      ])
    // A row that does not change stays as it was written.
    #expect(try result(clean, of: #"{"text":"a", "n":1e400}"#) == [#"{"text":"a", "n":1e400}"#])
    #expect(try result(clean, of: #"{"text": " "}"#) == [])
    #expect(try result(clean, of: #"{"text": ""}"#) == [#"{"text": ""}"#])
    #expect(
      try result(
        clean, of: #"{"messages": [{"role": "user", "content": "a  b"}, {"role": " x ", "content": null}]}"#)
        == [#"{"messages": [{"role": "user", "content": "a b"}, {"role": " x ", "content": null}]}"#])
    #expect(clean.record.removed == ["nothing left": 1])
    #expect(clean.record.changed == 2)
    let named = try step(Clean.self, #"{"whitespace": "trim", "columns": ["a.b", "c"]}"#)
    #expect(
      try result(named, of: #"{"a": {"b": " x ", "d": " y "}, "c": [" z ", 1], "text": " t "}"#)
        == [#"{"a": {"b": "x", "d": " y "}, "c": ["z", 1], "text": " t "}"#])
  }
}
