// The corpus that fuzzing has kept, and damaged copies of it from a fixed seed, through the readers of hostile files.
// They run in a process of their own with little memory, so that a crash or a huge allocation is reported with its
// input.
import Foundation
import Testing

@Suite struct HostileFileReplayTests {
  @Test(arguments: [
    "safetensors", "index", "tokenizer", "sentencepiece", "template", "rows", "parquet", "compressed",
    "config",
    "recipe", "adapter", "tasks", "retrieval",
  ])
  func everyFileIsReadOrRefusedInOneLine(_ reader: String) throws {
    let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fuzzing/Corpus/\(reader)").path
    let files = try FileManager.default.contentsOfDirectory(atPath: corpus).count
    let folder = try Workspace()
    let mutations = 2000
    let result = try Command.run(
      [Command.built("FuzzReplay"), reader, corpus, folder.path, "\(mutations)", "20261121"], in: folder)
    let input = (try? folder.data("input").base64EncodedString()) ?? ""
    #expect(result.code == 0, "\(reader): \(result.err.suffix(2000)) on the input \(input)")
    #expect(files >= 3)
    #expect(result.out.hasPrefix("\(files) files, \(mutations) mutations, "), "\(result.out)")
    let refused = result.out.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0
    #expect(refused > 0 && refused < files + mutations, "\(result.out)")
  }
}
