// Ids, text and pieces against those of the `tokenizers` package.
import Base
import Testing
import Tokenizers

@Suite struct GoldenTests {
  @Test(arguments: TokenizerFixtures.names("tokenizers"))
  func synthetic(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.synthetic(name)
    try GoldenChecks.check(tokenizer, expected)
  }

  @Test(
    .enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"),
    arguments: TokenizerFixtures.realNames)
  func real(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.real(name)
    try GoldenChecks.check(tokenizer, expected)
  }

  @Test func allFixturesRan() throws {
    #expect(TokenizerFixtures.names("tokenizers").count == 70)
    #expect(TokenizerFixtures.names("real") == TokenizerFixtures.realNames)
    #expect(try TokenizerFixtures.texts().count == 41)
  }

  /// Two texts and one, uncut and cut: ids and types.
  @Test(arguments: [
    "bert", "bert-cased", "few-pieces", "bare-pieces", "pairs-odd", "pairs-plain", "roberta", "roberta-pairs",
    "xlm-roberta", "deberta",
  ])
  func pairs(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.synthetic(name)
    try GoldenChecks.checkPairs(tokenizer, expected)
  }

  @Test(
    .enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"),
    arguments: ["bert-base-uncased", "all-MiniLM-L6-v2", "t5"])
  func realPairs(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.real(name)
    try GoldenChecks.checkPairs(tokenizer, expected)
  }

  /// Every code point, between letters and among its neighbours.
  @Test(arguments: [
    "bert", "bytes-bert", "bytes-bert-cased", "bytes-bert-accents", "bytes-bert-no-accents", "bytes-bert-raw",
    "xlm-roberta",
  ])
  func allCodePoints(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.synthetic(name)
    var hash = FNV1a()
    var blocks = 0
    for start in stride(from: UInt32(0), to: 0x110000, by: 256) where !(0xD800..<0xE000).contains(start) {
      blocks += 1
      let characters = (start..<start + 256).compactMap { Unicode.Scalar($0) }.map { String($0) }
      for between in ["", "x"] {
        let ids = tokenizer.encode(characters.joined(separator: between), addSpecialTokens: true)
        for id in ids + [-1] { hash.mix(UInt64(UInt32(bitPattern: id))) }
      }
    }
    #expect(blocks == 4344)
    #expect(hash.digits == expected["points"]?.text)
  }
}
