// The parts of a text that is cut where a tokenizer allows it have the tokens of the whole.
import Base
import Testing
import Tokenizers

@Suite struct TextCutTests {
  /// Lines of mixed scripts. Generated characters stand between what a text may be cut at, too.
  private static let text: [UInt8] = {
    var text: [UInt8] = []
    for (number, part) in GeneratedTexts.all.prefix(600).enumerated() {
      text += part
      text += Array(
        ["a\nB", ".\nthe", " \n\nX", "/\n", "'\ns", "<s>\nC", "9\nS'LL", "\t\ny"][number % 8].utf8)
    }
    return text
  }()

  private static func places(_ text: [UInt8]) -> [Int] {
    text.withUnsafeBufferPointer { text in
      var (places, at) = ([Int](), 0)
      while let place = TextCuts.place(in: text, from: at) {
        places.append(place)
        at = place + 1
      }
      return places
    }
  }

  private func check(_ tokenizer: Tokenizer, _ name: String) throws {
    let cuts = try #require(tokenizer.textCuts)
    let text = Self.text
    let whole = tokenizer.encode(text, addSpecialTokens: true)
    var (start, parts) = (0, cuts.before)
    for end in Self.places(text) + [text.count] {
      parts += tokenizer.encode(Array(text[start..<end]), addSpecialTokens: false)
      start = end
    }
    parts += cuts.after
    #expect(parts == whole, "\(name)")
  }

  @Test func partsHaveTheTokensOfTheWhole() throws {
    #expect(Self.places(Self.text).count > 200)
    var (cut, kept) = (0, 0)
    for name in TokenizerFixtures.names("tokenizers") {
      let (tokenizer, _) = try TokenizerFixtures.synthetic(name)
      guard tokenizer.textCuts != nil else {
        kept += 1
        continue
      }
      try check(tokenizer, name)
      cut += 1
    }
    #expect(cut > 10 && kept > 10, "\(cut) and \(kept)")
  }

  @Test(
    .enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"),
    arguments: ["gpt2", "bert-base-uncased", "all-MiniLM-L6-v2"])
  func realTokenizers(_ name: String) throws { try check(try TokenizerFixtures.real(name).tokenizer, name) }

  @Test func placesAreBehindALineFeedAndBeforeALetter() {
    let text = Array("a\nb\n\nc \nd.\ne\n1\nF\u{e9}\nG\n".utf8)
    #expect(Self.places(text).map { String(decoding: text[$0...$0], as: UTF8.self) } == ["b", "e", "F"])
  }
}
