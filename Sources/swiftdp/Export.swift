// swiftdp export
import ArgumentParser
import Base
import Export
import Foundation

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model or an adapter as GGUF, for llama.cpp and what is built on it.",
    discussion: """
      Example: swiftdp export --model runs/mine/model --gguf mine.gguf --type q8_0
      Example: swiftdp export --adapter runs/lora/model --gguf lora.gguf
      With --model and --adapter, the adapter is folded into the model on the way; with --adapter alone, the file holds its
      low-rank terms, which llama.cpp adds to a base (--lora). docs/export.md lists families and types.
      """)

  @Option(help: "A Hugging Face model folder.", transform: Launch.path)
  var model: String?
  @Option(help: "An adapter folder: of --model, or to be written alone.", transform: Launch.path)
  var adapter: String?
  @Option(
    help: "The base of an adapter that is written alone; by default what its adapter_config.json names.",
    transform: Launch.path)
  var base: String?
  @Option(help: "The file to write, which must not be there yet.", transform: Launch.path)
  var gguf: String
  @Option(help: "The type of matrices: \(ModelExport.types.joined(separator: ", ")).")
  var type = "f32"
  @Option(help: "Threads; as many as there are cores by default.")
  var threads: Int?

  func validate() throws {
    try check(threads: threads)
    guard model != nil || adapter != nil else {
      throw ValidationError("Missing expected argument: either --model or --adapter")
    }
    guard base == nil || model == nil else {
      throw ValidationError("--base is for an --adapter that is written alone, without --model")
    }
  }

  func run() throws {
    let threads = threads ?? max(Launch.allowedCores, 1)
    let lines = ProgressLines()
    func told(_ done: Int, _ all: Int) { lines.tell { "wrote \(done) of \(all) tensors" } }
    let result: (tensors: Int, bytes: Int)
    if let model {
      let export = try ModelExport(
        model: model, adapter: adapter, output: gguf, type: type, threads: threads)
      for note in export.notes { Command.tell("note: " + note) }
      result = try export.run(progress: told)
    } else {
      result = try AdapterExport(
        adapter: adapter ?? "", base: base, output: gguf, type: type, threads: threads
      ).run(progress: told)
    }
    print("\(gguf) · \(counted(result.tensors, "tensor")) · \(fileSize(result.bytes)) · \(type)")
  }
}
