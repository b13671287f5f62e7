// Folders with a SentencePiece model and no tokenizer.json, against the tokenizers that transformers converts them to.
import Base
import Foundation
import Testing
import Tokenizers

@Suite struct SentencePieceTests {
  static let goldens = Result {
    try OpenFile.json(TokenizerFixtures.root + "/Tests/Fixtures/sentencepiece.json")
  }
  static let names = ((try? goldens.get())?["folders"]?.members ?? []).map {
    String(decoding: $0.key, as: UTF8.self)
  }

  @Test(arguments: names)
  func folders(_ name: String) throws {
    let (tokenizer, expected) = try Self.golden(name)
    try GoldenChecks.check(tokenizer, expected)
    try GoldenChecks.checkPlaces(tokenizer, expected, name)
    #expect(CorpusTests.hash(tokenizer, of: GeneratedTexts.all) == expected["generated"]?.text)
    if expected["pairs"] != nil { try GoldenChecks.checkPairs(tokenizer, expected) }
  }

  @Test func allFoldersRan() throws {
    #expect(Self.names.count == 21)
    let folders = try #require(try Self.goldens.get()["folders"]?.members).map(\.value)
    #expect(folders.count { $0["pairs"] != nil } == 5 && folders.count { $0["lines"] != nil } == 9)
  }

  @Test(
    .enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"),
    arguments: names.filter { (try? goldens.get())?["folders"]?[$0]?["lines"] != nil })
  func everyLine(_ name: String) throws {
    let (tokenizer, expected) = try Self.golden(name)
    #expect(CorpusTests.hash(tokenizer, of: try Self.lines()) == expected["lines"]?.text)
  }

  /// T5's own file.
  @Test(.enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"))
  func fileOfT5() throws {
    let expected = try #require(try Self.goldens.get()["t5"])
    let file = try TokenizerFixtures.bytes("tokenizers/t5/spiece.model")
    let tokenizer = try Self.tokenizer(file, as: "spiece.model", [("config.json", #"{"model_type":"t5"}"#)])
    #expect(tokenizer.vocabularySize == 32_100)
    #expect(CorpusTests.hash(tokenizer, of: GeneratedTexts.all) == expected["generated"]?.text)
    #expect(CorpusTests.hash(tokenizer, of: try Self.lines()) == expected["lines"]?.text)
  }

  /// Families that are read as SentencePiece reads them have its ids, but for a few texts: the tokenizers package finds
  /// the names of special tokens in a text, and its map of characters looks at clusters.
  @Test(arguments: [
    ("plain", 40), ("plain-of-gemma", 40), ("plain-unigram", 38), ("plain-unigram-bytes", 38),
  ])
  func idsAreThoseOfSentencePiece(_ name: String, _ count: Int) throws {
    let (tokenizer, expected) = try Self.golden(name)
    let own = try #require(expected["sentencepiece"]?.elements).map(\.ids)
    let texts = try TokenizerFixtures.texts()
    #expect(own.count == texts.count)
    let equal = zip(texts, own).count { tokenizer.encode($0, addSpecialTokens: false) == $1 }
    #expect(equal == count)
  }

  /// Files that set nothing of `add_bos_token` have the beginning of a text in front, as their models learned.
  @Test func textsBeginWithTheirToken() throws {
    for (name, id) in [("plain", 1), ("gemma", 2), ("llama", 1)] as [(String, Int32)] {
      #expect(try Self.golden(name).tokenizer.encode("", addSpecialTokens: true) == [id])
    }
  }

  static func golden(_ name: String) throws -> (tokenizer: Tokenizer, expected: JSON) {
    let expected = try TokenizerFixtures.require(try goldens.get()["folders"]?[name])
    let files = try TokenizerFixtures.require(expected["files"]?.members).map {
      (String(decoding: $0.key, as: UTF8.self), $0.value.encoded())
    }
    let name = try TokenizerFixtures.require(expected["model"]?.text)
    return (
      try tokenizer(
        try model(name), as: try TokenizerFixtures.require(expected["as"]?.text), files), expected
    )
  }

  static func model(_ name: String) throws -> [UInt8] {
    try OpenFile.contents(TokenizerFixtures.root + "/Tests/Fixtures/sentencepiece/\(name).model")
  }

  /// The tokenizer of a folder with a model and some small files.
  static func tokenizer(
    _ model: [UInt8], as name: String = "tokenizer.model", _ files: [(String, String)]
  ) throws -> Tokenizer {
    let folder = NSTemporaryDirectory() + "sentencepiece-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, bytes) in files.map({ ($0, Array($1.utf8)) }) + [(name, model)] {
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    return try Tokenizer(folder: folder)
  }

  private static func lines() throws -> [[UInt8]] {
    let lines = try [
      "c4_demo.jsonl", "the-verdict.txt", "tinyshakespeare.txt", "wikipedia_demo_1mb.txt",
    ].flatMap {
      try TokenizerFixtures.bytes("text/" + $0).split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
      ).map { Array($0) }
    }
    #expect(lines.count > 30_000)
    return lines
  }
}
