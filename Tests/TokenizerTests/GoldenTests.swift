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
    .enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"), arguments: ["gpt2", "stories260K"])
  func real(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.real(name)
    try check(tokenizer, expected)
  }

  @Test func allFixturesRan() throws {
    #expect(TokenizerFixtures.names("tokenizers").count == 46)
    #expect(TokenizerFixtures.names("real") == ["gpt2", "stories260K"])
    #expect(try TokenizerFixtures.texts().count == 35)
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
