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
    abstract: "Write a model or an adapter as GGUF, or a model in whole numbers of 4 or 8 bits.",
    discussion: """
      Example: swiftdp export --model runs/mine/model --gguf mine.gguf --type q8_0
      Example: swiftdp export --adapter runs/lora/model --gguf lora.gguf
      Example: swiftdp export --model runs/mine/model --output small --quantize int4 --calibrate text.txt
      GGUF is for llama.cpp and what is built on it; the folder of --output is for transformers with compressed-tensors.
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
  @Option(help: "The GGUF file to write, which must not be there yet.", transform: Launch.path)
  var gguf: String?
  @Option(help: "The type of matrices: \(ModelExport.types.joined(separator: ", ")).")
  var type = "f32"
  @Option(help: "The folder to write with --quantize, which must not be there yet.", transform: Launch.path)
  var output: String?
  @Option(help: "With --output: int4 or int8, what matrices between embedding and head become.")
  var quantize: String?
  @Option(help: "With --quantize: how many numbers of a row share a scale, or row for all of them.")
  var groupSize = "128"
  @Option(
    parsing: .upToNextOption,
    help:
      "With --type q4_0 or --quantize: text that decides how matrices are rounded (GPTQ), so that their outputs change least.",
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
    guard (gguf == nil) != (output == nil) else {
      throw ValidationError("Missing expected argument: either --gguf or --output")
    }
    try validateQuantize()
    guard base == nil || model == nil else {
      throw ValidationError("--base is for an --adapter that is written alone, without --model")
    }
    try check("--samples", samples, in: 1...1 << 30)
    guard !calibrate.isEmpty else {
      if errors != nil { throw ValidationError("--errors needs --calibrate") }
      return
    }
    guard type == "q4_0" || quantize != nil else {
      throw ValidationError("--calibrate is for --type q4_0 and for --quantize")
    }
    guard adapter == nil, model != nil else {
      throw ValidationError("--calibrate reads the model alone: merge the adapter first (swiftdp merge)")
    }
  }

  private func validateQuantize() throws {
    guard output != nil else {
      if quantize != nil { throw ValidationError("--quantize needs --output, the folder to write") }
      if groupSize != "128" { throw ValidationError("--group-size is for --quantize") }
      return
    }
    let types = IntegerExport.types.map(\.0)
    guard let quantize, types.contains(quantize) else {
      throw ValidationError("--output needs --quantize: \(types.joined(separator: " or "))")
    }
    guard type == "f32" else { throw ValidationError("--type is for --gguf") }
    guard model != nil else { throw ValidationError("--quantize needs --model") }
    guard groupSize == "row" || Int(groupSize).map({ $0 >= 2 && $0 <= 1 << 20 }) == true else {
      throw ValidationError("--group-size is a number from 2, or row, not \(groupSize.quoted)")
    }
  }

  func run() throws {
    guard let gguf else { return try quantise() }
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
    if !result.errors.isEmpty { print(result.errors.summary) }
  }

  /// Writes the folder of `--output`.
  private func quantise() throws {
    guard let model, let output, let bits = IntegerExport.types.first(where: { $0.0 == quantize })?.1 else {
      preconditionFailure("arguments were checked")
    }
    let threads = threads ?? max(Launch.allowedCores, 1)
    let table = try errors.map { try NewFile($0, at: "--errors") }
    func export(_ calibration: (tap: InputTap, engine: Engine)? = nil) throws -> IntegerExport {
      try IntegerExport(
        model: model, adapter: adapter, output: output, bits: bits, group: Int(groupSize), threads: threads,
        calibration: calibration)
    }
    // What is wrong with the folders is said before any text is read.
    var made = try export()
    if let calibration = try calibration(of: model, threads: threads) { made = try export(calibration) }
    for note in made.notes { Command.tell("note: " + note) }
    let lines = ProgressLines()
    let result = try made.run { done, all in lines.tell { "wrote \(done) of \(all) parameters" } }
    try table?.write(Array(result.errors.csv.utf8))
    let groups = Int(groupSize).map { "groups of \($0)" } ?? "one scale for each row"
    print(
      "\(output) · \(counted(result.matrices, "matrix", "matrices")) of \(quantize ?? ""), \(groups) · "
        + fileSize(result.bytes))
    let left = result.matrices - result.errors.count
    if !result.errors.isEmpty { print(result.errors.summary) }
    if left > 0 {
      print(
        "\(counted(left, "matrix", "matrices")) rounded number by number: "
          + (calibrate.isEmpty ? "no --calibrate was given" : "the text did not reach them"))
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

extension [RoundingError] {
  fileprivate var summary: String {
    let shares = map { $0.calibrated / $0.nearest }
    let mean = shares.reduce(0, +) / Double(shares.count)
    let largest = shares.reduce(0) { Swift.max($0, $1) }
    return "\(counted(count, "matrix", "matrices")) rounded by GPTQ: their outputs change by "
      + "\(String(format: "%.2f", mean)) times as much as when each number is rounded by itself, at most "
      + "\(String(format: "%.2f", largest))"
  }
}
