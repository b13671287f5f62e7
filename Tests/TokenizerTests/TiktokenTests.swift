// Files of tiktoken, with the ids that the `tiktoken` package gives.
import Base
import Foundation
import Testing
import Tokenizers

@Suite struct TiktokenTests {
  @Test(arguments: ["llama", "qwen"])
  func ids(_ family: String) throws {
    let golden = try #require(try TokenizerFixtures.goldens.get()["tiktoken"])
    let file = try #require(golden["file"]?.bytes)
    let expected = try #require(golden[family]?.elements)
    let tokenizer = try Tokenizer(tiktoken: file, family: family, path: "tokenizer.model")
    let texts = try TokenizerFixtures.texts()
    #expect(expected.count == texts.count)
    for (text, ids) in zip(texts, expected) {
      // The package joins no marks; Qwen's own class does before it calls the package.
      #expect(tokenizer.encode(text, addSpecialTokens: false) == ids.ids, "\(text.debugDescription)")
      guard family == "llama" else { continue }
      #expect(Array(tokenizer.decode(ids.ids, skipSpecialTokens: false).utf8) == Array(text.utf8))
    }
  }

  @Test func specialTokensFollowTheRanks() throws {
    let file = try #require(try TokenizerFixtures.goldens.get()["tiktoken"]?["file"]?.bytes)
    let count = file.split(separator: 0x0A).count
    let llama = try Tokenizer(tiktoken: file, family: "llama", path: "tokenizer.model")
    #expect(llama.vocabularySize == count + 256)
    #expect(
      llama.id(of: "<|begin_of_text|>") == Int32(count) && llama.id(of: "<|eot_id|>") == Int32(count + 9))
    #expect(llama.encode("<|eot_id|>", addSpecialTokens: true) == [Int32(count), Int32(count + 9)])
    let qwen = try Tokenizer(tiktoken: file, family: "qwen", path: "qwen.tiktoken")
    #expect(qwen.vocabularySize == count + 208)
    #expect(qwen.encode("<|im_end|>", addSpecialTokens: true) == [Int32(count + 2)])
  }

  @Test func filesThatAreNoneAreRefusedByLine() throws {
    let bytes = (0..<256).map { "\(Data([UInt8($0)]).base64EncodedString()) \($0)" }
    let cases: [(file: String, says: String)] = [
      ("", "the file has no tokens"), ("YQ==", "x.tiktoken:1: a line must be a token"),
      ("YQ== 1\n? 2", "x.tiktoken:2"),
      ("YQ== -1", "x.tiktoken:1"), ("YQ== 4194304", "x.tiktoken:1"), ("YQ== 1 2", "x.tiktoken:1"),
      ("YQ== 1\nYg== 1", "two tokens have the rank 1"), ("YQ== 0", "the byte 0 has no token"),
      (bytes.dropLast().joined(separator: "\r\n"), "the byte 255 has no token"),
    ]
    for (file, says) in cases {
      let error = #expect(throws: UserError.self) {
        try Tokenizer(tiktoken: Array(file.utf8), family: "llama", path: "x.tiktoken")
      }
      #expect(
        error?.code == .data && error?.description.contains(says) == true, "\(error?.description ?? "")")
    }
    #expect(cases.count == 9)
    let whole = Array(bytes.joined(separator: "\r\n").utf8)
    let tokenizer = try Tokenizer(tiktoken: whole, family: "qwen", path: "x")
    #expect(tokenizer.encode("ab", addSpecialTokens: true) == [97, 98])
    #expect(throws: UserError.self) { try Tokenizer(tiktoken: whole, family: "bert", path: "x") }
  }

  /// A folder's tokenizer.json comes first, then the file of tiktoken.
  @Test func foldersAreReadByWhatTheyHold() throws {
    let folder = NSTemporaryDirectory() + "tokenizer-folder-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func write(_ name: String, _ bytes: [UInt8]) throws {
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    func failure() -> String {
      do {
        _ = try Tokenizer(folder: folder)
        return "none"
      } catch { return "\(error)" }
    }
    #expect(failure().contains("tokenizer.json"))
    try write("config.json", Array(#"{"model_type":"llama"}"#.utf8))
    try write("tokenizer.model", [0x0A, 0x0E, 0x0A, 0x05, 0x3C, 0x75])
    #expect(failure().contains("tokenizer.model: is not a SentencePiece model"))
    let file = try #require(try TokenizerFixtures.goldens.get()["tiktoken"]?["file"]?.bytes)
    try write("tokenizer.model", file)
    #expect(try Tokenizer(folder: folder).id(of: "<|eot_id|>") != nil)
    try write("tokenizer.json", Array(#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#.utf8))
    #expect(try Tokenizer(folder: folder).vocabularySize == 1)
  }
}
