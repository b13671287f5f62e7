// swiftdp export
import ArgumentParser
import Base
import Checkpoints
import Datasets
import Export
import Foundation
import Graph
import Kernels
import Training

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
  @Option(
    parsing: .upToNextOption,
    help:
      "With --type q4_0: text that decides how matrices are rounded (GPTQ), so that their outputs change least.",
    transform: Launch.path)
  var calibrate: [String] = []
  @Option(help: "With --calibrate: the most sequences of 256 tokens that are read.")
  var samples = 128
  @Option(
    help: "With --calibrate: a table to write, of what rounding changes in each matrix.",
    transform: Launch.path)
  var errors: String?
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
    try check("--samples", samples, in: 1...1 << 30)
    guard !calibrate.isEmpty else {
      if errors != nil { throw ValidationError("--errors needs --calibrate") }
      return
    }
    guard type == "q4_0" else { throw ValidationError("--calibrate is for --type q4_0") }
    guard adapter == nil, model != nil else {
      throw ValidationError("--calibrate reads the model alone: merge the adapter first (swiftdp merge)")
    }
  }

  func run() throws {
    let threads = threads ?? max(Launch.allowedCores, 1)
    let lines = ProgressLines()
    func told(_ done: Int, _ all: Int) { lines.tell { "wrote \(done) of \(all) tensors" } }
    let table = try errors.map { try NewFile($0, at: "--errors") }
    let result: (tensors: Int, bytes: Int, errors: [RoundingError])
    if let model {
      let calibration = try calibration(of: model, threads: threads)
      let export = try ModelExport(
        model: model, adapter: adapter, output: gguf, type: type, threads: threads, calibration: calibration)
      for note in export.notes { Command.tell("note: " + note) }
      result = try export.run(progress: told)
    } else {
      let written = try AdapterExport(
        adapter: adapter ?? "", base: base, output: gguf, type: type, threads: threads
      ).run(progress: told)
      result = (written.tensors, written.bytes, [])
    }
    try table?.write(Array(result.errors.csv.utf8))
    print("\(gguf) · \(counted(result.tensors, "tensor")) · \(fileSize(result.bytes)) · \(type)")
    if !result.errors.isEmpty {
      let shares = result.errors.map { $0.calibrated / $0.nearest }
      let mean = shares.reduce(0, +) / Double(shares.count)
      print(
        "\(counted(shares.count, "matrix", "matrices")) rounded by GPTQ: their outputs change by "
          + "\(String(format: "%.2f", mean)) times as much as when each number is rounded by itself")
    }
  }

  /// What the model reads of the text of `--calibrate`; nil without it.
  private func calibration(of model: String, threads: Int) throws -> (tap: InputTap, engine: Engine)? {
    guard !calibrate.isEmpty else { return nil }
    let (files, mistakes) = DataFileNames.files(calibrate, at: "--calibrate")
    guard mistakes.isEmpty else { throw UserErrors(mistakes) }
    let engine = try Engine(threads: threads)
    return (try InputTap.reading(files, by: model, samples: samples, length: 256, engine: engine), engine)
  }
}
