// Every line of every real text file gives the same ids as the `tokenizers` package, compared by one hash per file.
import Base
import Testing
import Tokenizers

@Suite(.enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"))
struct CorpusTests {
  @Test(arguments: TokenizerFixtures.realNames)
  func everyLine(_ name: String) throws {
    let (tokenizer, _) = try TokenizerFixtures.real(name)
    let files = try #require(try TokenizerFixtures.corpora.get()["files"]?.elements)
    #expect(files.count == 29)
    for file in files {
      let path = try #require(file["file"]?.text)
      let lines = try TokenizerFixtures.bytes(path).split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      #expect(lines.count == file["lines"]?.integer, "\(path)")
      var hash = FNV1a()
      for line in lines { hash.mix(ids: tokenizer.encode(Array(line), addSpecialTokens: true)) }
      #expect(hash.digits == file[name]?.text, "\(path)")
    }
  }

  @Test(arguments: TokenizerFixtures.realNames)
  func generatedTexts(_ name: String) throws {
    let (tokenizer, expected) = try TokenizerFixtures.real(name)
    #expect(Self.hash(tokenizer, of: GeneratedTexts.all) == expected["generated"]?.text)
  }

  /// GPT-2's vocabulary with the splits of other models.
  @Test func splits() throws {
    let splits = try #require(try TokenizerFixtures.corpora.get()["splits"]?.members)
    let base = try #require(
      try OpenFile.json(TokenizerFixtures.data + "/tokenizers/gpt2/tokenizer.json").members)
    let files = try #require(try TokenizerFixtures.corpora.get()["files"]?.elements)
    let lines = try files.compactMap { $0["file"]?.text }.filter { $0.hasPrefix("text/") }.sorted().flatMap {
      try TokenizerFixtures.bytes($0).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map {
          Array($0)
        }
    }
    #expect(lines.count > 30_000)
    for split in splits {
      let name = String(decoding: split.key, as: UTF8.self)
      let key = Array("pre_tokenizer".utf8)
      let step = JSON.Member(key: key, value: try #require(split.value["pre_tokenizer"]))
      let tokenizer = try Tokenizer(json: .object(base.filter { $0.key != key } + [step]), path: name)
      #expect(Self.hash(tokenizer, of: GeneratedTexts.all) == split.value["generated"]?.text, "\(name)")
      #expect(Self.hash(tokenizer, of: lines) == split.value["text"]?.text, "\(name)")
    }
    #expect(splits.count == 12)
  }

  static func hash(_ tokenizer: Tokenizer, of texts: [[UInt8]]) -> String {
    var hash = FNV1a()
    for text in texts { hash.mix(ids: tokenizer.encode(text, addSpecialTokens: true)) }
    return hash.digits
  }
}
