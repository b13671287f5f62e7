// Ids, text and pieces against those of the `tokenizers` package.
import Base
import Testing
import Tokenizers

@Suite struct GoldenTests {
  @Test(arguments: TokenizerFixtures.names("tokenizers"))
  func synthetic(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.synthetic(name)
    try check(tokenizer, expected)
  }

  @Test(
    .enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"),
    arguments: TokenizerFixtures.realNames)
  func real(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.real(name)
    try check(tokenizer, expected)
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
    try checkPairs(tokenizer, expected)
  }

  @Test(
    .enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"),
    arguments: ["bert-base-uncased", "all-MiniLM-L6-v2", "t5"])
  func realPairs(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.real(name)
    try checkPairs(tokenizer, expected)
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

  private func checkPairs(_ tokenizer: Tokenizer, _ expected: JSON) throws {
    let texts = try TokenizerFixtures.texts()
    let pairs = try #require(expected["pairs"]?.elements)
    #expect(pairs.count == 60)
    for pair in pairs {
      let first = Array(texts[try #require(pair["first"]?.integer)].utf8)
      let second = pair["second"]?.integer.map { Array(texts[$0].utf8) }
      let encoded = try tokenizer.encode(first, pair: second, longest: pair["longest"]?.integer ?? .max)
      #expect(encoded.tokens == pair["ids"]?.ids, "\(pair.encoded())")
      #expect(encoded.types == pair["types"]?.ids, "\(pair.encoded())")
    }
  }

  private func check(_ tokenizer: Tokenizer, _ expected: JSON) throws {
    let texts = try TokenizerFixtures.texts()
    let cases = try #require(expected["cases"]?.elements)
    #expect(cases.count == texts.count)
    for (text, golden) in zip(texts, cases) {
      let ids = try #require(golden["ids"]).ids
      #expect(tokenizer.encode(text, addSpecialTokens: true) == ids, "\(text.debugDescription)")
      // The second time, words come from the cache.
      #expect(tokenizer.encode(Array(text.utf8), addSpecialTokens: true) == ids, "\(text.debugDescription)")
      #expect(tokenizer.encode(text, addSpecialTokens: false) == golden["plain"]?.ids ?? ids)
      try checkDecoding(tokenizer, ids, golden, otherwise: text)
    }
    let streams = try #require(expected["streams"]?.elements)
    #expect(streams.count == 4)
    for golden in streams {
      try checkDecoding(tokenizer, try #require(golden["ids"]).ids, golden, otherwise: "")
    }
    let pieces = try #require(expected["pieces"]?.elements)
    #expect(pieces.count >= 8)
    for golden in pieces {
      let pair = try #require(golden.elements)
      let id = Int32(try #require(pair[0].integer))
      #expect(tokenizer.piece(id)?.utf8.elementsEqual(pair[1].bytes ?? []) ?? false == !pair[1].isNull)
      #expect((tokenizer.piece(id) == nil) == pair[1].isNull)
    }
  }

  /// Compares bytes: `==` would call differently composed texts equal.
  private func checkDecoding(_ tokenizer: Tokenizer, _ ids: [Int32], _ golden: JSON, otherwise text: String)
    throws
  {
    let decoded = golden["decoded"]?.bytes ?? Array(text.utf8)
    let skipped = golden["skipped"]?.bytes ?? decoded
    for (skips, bytes) in [(false, decoded), (true, skipped)] {
      let expected = String(decoding: bytes, as: UTF8.self)
      let whole = tokenizer.decode(ids, skipSpecialTokens: skips)
      #expect(Array(whole.utf8) == bytes, "\(whole.debugDescription), not \(expected.debugDescription)")
      var stream = StreamingDecoder(tokenizer, skipSpecialTokens: skips)
      var streamed = ids.map { stream.append($0) }
      streamed.append(stream.finish())
      #expect(streamed.flatMap { Array($0.utf8) } == bytes, "streamed: \(streamed)")
    }
  }
}
