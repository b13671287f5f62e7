// swiftdp export
import ArgumentParser
import Base
import Export
import Foundation

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model as GGUF, for llama.cpp and what is built on it.",
    discussion: """
      Example: swiftdp export --model runs/mine/model --gguf mine.gguf --type q8_0
      With --adapter, the adapter is folded into the model on the way. docs/export.md lists families and types.
      """)

  @Option(help: "A Hugging Face model folder.", transform: Launch.path)
  var model: String
  @Option(help: "An adapter folder whose base the model is.", transform: Launch.path)
  var adapter: String?
  @Option(help: "The file to write, which must not be there yet.", transform: Launch.path)
  var gguf: String
  @Option(help: "The type of matrices: \(ModelExport.types.joined(separator: ", ")).")
  var type = "f32"
  @Option(help: "Threads; as many as there are cores by default.")
  var threads: Int?

  func validate() throws { try check(threads: threads) }

  func run() throws {
    let export = try ModelExport(
      model: model, adapter: adapter, output: gguf, type: type,
      threads: threads ?? max(Launch.allowedCores, 1))
    for note in export.notes { Command.tell("note: " + note) }
    let result = try export.run()
    print("\(gguf) · \(counted(result.tensors, "tensor")) · \(fileSize(result.bytes)) · \(type)")
  }
}
