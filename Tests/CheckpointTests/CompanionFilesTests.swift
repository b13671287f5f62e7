// What a checkpoint takes over from a model's folder.
import Checkpoints
import Testing

@Suite struct CompanionFilesTests {
  /// A new reader finds the tokenizer, under whichever name its family has it.
  @Test func everyFileOfATokenizerIsTaken() throws {
    let folder = try ScratchFolder()
    let names = [
      "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
      "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model",
    ]
    for name in names + ["other.bin"] { try folder.file(name, name.utf8) }
    let files = try CompanionFiles(of: folder.path).files
    #expect(files.map(\.name).sorted() == names.sorted())
    #expect(files.allSatisfy { $0.bytes == Array($0.name.utf8) })
  }
}
