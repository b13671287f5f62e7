// swiftdp shrink
import ArgumentParser
import Base
import Checkpoints
import Datasets
import Foundation
import Graph
import Kernels
import Merging
import Models
import Tokenizers
import Training

struct Shrink: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Leave out layers of a model that change least, or tokens that a text has not.",
    discussion: """
      Example: swiftdp shrink --model BASE --data text.txt --drop-layers 2 --output smaller
      The influence of a layer is 1 minus the mean cosine of hidden states before it and behind it. Train the smaller
      model a while on such text, or with task distil and the whole model as its teacher: docs/merging.md.
      """)

  @Option(help: "A Hugging Face model folder.", transform: Launch.path)
  var model: String
  @Option(parsing: .upToNextOption, help: "Text on which layers are measured.", transform: Launch.path)
  var data: [String]
  @Flag(help: "Leave out the tokens that the text has not, and write the model and tokenizer without them.")
  var trimVocabulary = false
  @Option(help: "How many layers to leave out; only measured by default.")
  var dropLayers = 0
  @Option(help: "The folder to write.", transform: Launch.path)
  var output: String?
  @Option(help: "The most sequences of 256 tokens that are read.")
  var samples = 128
  @Option(help: "Threads; as many as there are cores by default.")
  var threads: Int?
  @Flag(help: "One JSON object instead of words.")
  var json = false

  func validate() throws {
    try check(threads: threads)
    try check("--samples", samples, in: 1...1 << 30)
    try check("--drop-layers", dropLayers, in: 0...1 << 20)
    guard (dropLayers > 0 || trimVocabulary) == (output != nil) else {
      throw ValidationError("--output goes with --drop-layers or --trim-vocabulary")
    }
    guard dropLayers == 0 || !trimVocabulary else {
      throw ValidationError("--drop-layers and --trim-vocabulary are for one folder after the other")
    }
  }

  func run() throws {
    let (files, mistakes) = DataFileNames.files(data, at: "--data")
    guard mistakes.isEmpty else { throw UserErrors(mistakes) }
    let threads = threads ?? max(Launch.allowedCores, 1)
    if let output, access(output, F_OK) == 0 {
      throw UserError(.usage, "exists already", at: output, hint: "set --output to a new folder")
    }
    if trimVocabulary, let output { return try trim(files, to: output) }
    let influences = try LayerTap.reading(
      files, by: model, samples: samples, length: 256, engine: try Engine(threads: threads)
    ).influences
    guard dropLayers < influences.count else {
      throw UserError(
        .usage, "is \(dropLayers), and the model has \(counted(influences.count, "layer"))",
        at: "--drop-layers")
    }
    // Of equals, the later ones go.
    let dropped = influences.indices.sorted { (influences[$0], -$0) < (influences[$1], -$1) }
      .prefix(dropLayers).sorted()
    if let output { try write(influences.indices.filter { !dropped.contains($0) }, to: output, threads) }
    if json {
      return print(
        JSON.object([
          "influences": .array(influences.map { .number($0) }),
          "dropped": .array(dropped.map { .integer($0) }),
        ]).encoded())
    }
    for (layer, influence) in influences.enumerated() {
      let mark = dropped.contains(layer) ? "  left out" : ""
      print("\(cell("layer \(layer)", width: 10))\(String(format: "%.4f", influence))\(mark)")
    }
  }

  /// Writes the model with the tokens of the text.
  private func trim(_ files: [String], to output: String) throws {
    let description = try ModelDescription.stored(in: model)
    let dataset = try Dataset(
      DataOptions(
        train: files, packing: true, sequenceLength: min(256, description.longestText), seed: 0,
        readsWhole: true, names: .options),
      encoder: description.encoder(try Tokenizer(folder: model)))
    var used: Set<Int> = []
    var batch = Batch()
    for part in MicroBatch.cut(Array(0..<dataset.train.count), size: 64) {
      dataset.train.fill(&batch, with: part, mask: .none)
      for token in batch.tokens where token >= 0 { used.insert(Int(token)) }
    }
    let outcome = try VocabularyTrim(model: model, used: used, output: output).run()
    if json {
      return print(
        JSON.object([
          "tokens": .integer(outcome.left), "tokens_before": .integer(outcome.before),
          "parameters_left_out": .integer(outcome.parameters),
        ]).encoded())
    }
    print(
      "\(output) · \(grouped(outcome.left)) of \(grouped(outcome.before)) tokens · "
        + "\(grouped(outcome.parameters)) parameters less")
  }

  /// Writes the layers that stay, as a merge that passes them through.
  private func write(_ layers: [Int], to output: String, _ threads: Int) throws {
    var ranges: [(first: Int, end: Int)] = []
    for layer in layers {
      if let last = ranges.last, last.end == layer {
        ranges[ranges.count - 1].end += 1
      } else {
        ranges.append((layer, layer + 1))
      }
    }
    let slices = ranges.map { range in
      JSON.object([
        "sources": .array([
          .object([
            "model": .string(model), "layer_range": .array([.integer(range.first), .integer(range.end)]),
          ])
        ])
      ])
    }
    let config = JSON.object(["merge_method": .string("passthrough"), "slices": .array(slices)])
    let problems = Problems()
    let recipe = MergeRecipe(
      Section(config, file: nil, code: .usage, paths: Launch.paths, problems: problems), paths: Launch.paths,
      problems: problems)
    try problems.throwIfAny()
    _ = try ModelMerge(
      recipe, file: model, text: Array((config.encoded(indented: true) + "\n").utf8), output: output, seed: 0,
      threads: threads
    ).run()
  }
}
