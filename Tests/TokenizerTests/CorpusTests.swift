// Every line of every real text file gives the same ids as the `tokenizers` package, compared by one hash per file.
import Base
import Testing
import Tokenizers

@Suite(.enabled(if: TokenizerFixtures.hasData, "../shared/data is absent"))
struct CorpusTests {
  @Test(arguments: ["gpt2", "stories260K", "bert-base-uncased", "all-MiniLM-L6-v2"])
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
      for line in lines {
        let ids = line.withUnsafeBufferPointer { tokenizer.encode($0, addSpecialTokens: true) }
        for id in ids + [-1] { hash.mix(UInt64(UInt32(bitPattern: id))) }
      }
      #expect(hash.digits == file[name]?.text, "\(path)")
    }
  }
}
