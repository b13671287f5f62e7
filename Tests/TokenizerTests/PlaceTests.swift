// What each token stands for, lists of words, and windows behind a question, as the `tokenizers` package has them.
import Base
import Testing
import Tokenizers

@Suite struct PlaceTests {
  @Test(arguments: TokenizerFixtures.names("tokenizers"))
  func places(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.synthetic(name)
    try GoldenChecks.checkPlaces(tokenizer, expected, name)
  }

  @Test(
    .enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"),
    arguments: TokenizerFixtures.realNames)
  func realPlaces(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.real(name)
    try GoldenChecks.checkPlaces(tokenizer, expected, name)
  }

  static let paired = [
    "bert", "few-pieces", "bare-pieces", "pairs-odd", "roberta", "roberta-pairs", "xlm-roberta", "deberta",
  ]

  @Test(arguments: paired)
  func words(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.synthetic(name)
    let texts = try TokenizerFixtures.texts()
    let cases = try #require(expected["words"]?.elements)
    #expect(cases.count == 12)
    for golden in cases {
      let text = Array(texts[try #require(golden["text"]?.integer)].utf8)
      let words = text.split(separator: 0x20, omittingEmptySubsequences: false).map { Array($0) }
      let encoded = try tokenizer.encode(words: words, longest: golden["longest"]?.integer ?? .max)
      #expect(encoded.encoded.tokens == golden["ids"]?.ids, "\(golden.encoded())")
      #expect(encoded.encoded.types == golden["types"]?.ids, "\(golden.encoded())")
      #expect(encoded.words == golden["words"]?.elements?.map(\.integer), "\(golden.encoded())")
    }
  }

  /// Byte-level models that split as GPT-2 does read words with the space that they were trained with.
  @Test func wordsHaveASpaceInFront() throws {
    let (tokenizer, _) = try TokenizerFixtures.synthetic("roberta-pairs")
    let (spaced, _) = try TokenizerFixtures.synthetic("roberta")
    let words = ["the", "cat", "", "hello-world"].map { Array($0.utf8) }
    #expect(try tokenizer.encode(words: words) == spaced.encode(words: words))
    let ids = try tokenizer.encode(words: [Array("the".utf8)]).encoded.tokens
    #expect(ids == tokenizer.encode(" the", addSpecialTokens: true))
  }

  /// The package does not take the space from the first token of a window that "roberta" has, so that is not compared.
  @Test(arguments: paired.filter { $0 != "roberta" })
  func windows(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.synthetic(name)
    let cases = try #require(expected["windows"]?.elements)
    #expect(cases.count == 12)
    for golden in cases { try checkWindows(tokenizer, golden) }
  }

  @Test(.enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"))
  func windowsOfT5() throws {
    let (tokenizer, expected) = try TokenizerFixtures.real("t5")
    let cases = try #require(expected["windows"]?.elements)
    #expect(cases.count == 12)
    for golden in cases { try checkWindows(tokenizer, golden) }
  }

  @Test func aPlaceHoldsTheBytesOfTheTextAsItCame() throws {
    let (tokenizer, _) = try TokenizerFixtures.synthetic("bert")
    // A byte that is not UTF-8 becomes a character of three bytes, which the normalizer drops.
    let placed = tokenizer.encodeWithPlaces([0x74, 0x68, 0x65, 0x20, 0xFF, 0x61, 0x6E, 0xC3])
    #expect(placed.tokens.map { tokenizer.piece($0) } == ["the", "an"])
    #expect(placed.places == [0..<3, 5..<7])
    #expect(tokenizer.encodeWithPlaces([]).tokens.isEmpty)
    // An unknown word has all of its place, behind an added token too.
    let unknown = tokenizer.encodeWithPlaces(Array("a [MASK] \u{a4}\u{a4}\u{a4}\u{a4} the".utf8))
    #expect(unknown.tokens.map { tokenizer.piece($0) } == ["a", "[MASK]", "[UNK]", "the"])
    #expect(unknown.places == [0..<1, 1..<8, 9..<17, 18..<21])
  }

  private func checkWindows(_ tokenizer: Tokenizer, _ golden: JSON) throws {
    let texts = try TokenizerFixtures.texts()
    let question = Array(texts[try #require(golden["question"]?.integer)].utf8)
    let first = try #require(golden["first"]?.integer)
    let text = Array(texts[first..<first + 3].joined(separator: "\n").utf8)
    let (longest, stride) = (
      try #require(golden["longest"]?.integer), try #require(golden["stride"]?.integer)
    )
    func windows() throws -> [TextWindow] {
      try tokenizer.windows(
        question: question, text: text, longest: longest, stride: stride, at: "rows.json:3")
    }
    guard let expected = golden["windows"]?.elements else {
      let error = #expect(throws: UserError.self) { try windows() }
      #expect(
        error?.place == "rows.json:3" && error?.hint.contains("question") == true, "\(golden.encoded())")
      return
    }
    let found = try windows()
    #expect(found.count == expected.count, "\(golden.encoded())")
    for (window, golden) in zip(found, expected) {
      #expect(window.encoded.tokens == golden["ids"]?.ids, "\(golden.encoded())")
      #expect(window.encoded.types == golden["types"]?.ids, "\(golden.encoded())")
      #expect(window.textTokens.map { Int32($0) } == golden["inside"]?.ids, "\(golden.encoded())")
      let places = window.places.map { [Int32($0.lowerBound), Int32($0.upperBound)] }
      #expect(places == golden["places"]?.elements?.map(\.ids), "\(golden.encoded())")
    }
  }
}
