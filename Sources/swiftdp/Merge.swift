// swiftdp merge
import ArgumentParser
import Base
import Datasets
import Foundation
import Kernels
import Merging
import Recipes
import Training

struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fold an adapter into its base, or merge several models, and write a Hugging Face folder.",
    discussion: """
      Example: swiftdp merge --model BASE --adapter runs/mine/model --output merged
               swiftdp merge --config merge.yaml --output merged
      An adapter is checked:
      Tensors are added in fp32 and stored in the types of the base. Logits before and after are compared on real
      text; if they differ by more than those types explain, nothing is left. With frozen_dtype=nf4 or int8, the
      adapter is added to what the base is once it has been stored so.
      Several models are merged as a file in mergekit's form says: docs/merging.md.
      """)

  @Option(help: "The base: a Hugging Face model folder.", transform: Launch.path)
  var model: String?
  @Option(
    help: "An adapter folder of PEFT, whose base the model is. Several are summed to one adapter.",
    transform: Launch.path)
  var adapter: [String] = []
  @Option(
    name: .customLong("weight"), parsing: .unconditionalSingleValue,
    help: "With several adapters: the weight of each, in their order; 1 by default.")
  var weights: [Double] = []
  @Option(
    help:
      "With several adapters: the rank of their sum, by its largest singular values; all ranks together by default."
  )
  var rank: Int?
  @Option(help: "A YAML file in mergekit's form: models, merge_method, parameters.", transform: Launch.path)
  var config: String?
  @Option(help: "With --config: the seed of what DARE leaves out.")
  var seed: UInt64 = 0
  @Option(help: "The folder to write.", transform: Launch.path)
  var output: String
  @Option(
    parsing: .upToNextOption, help: "Text to compare logits on; what ships with swiftdp by default.",
    transform: Launch.path)
  var data: [String] = []
  @Option(help: "Threads; as many as there are cores by default.")
  var threads: Int?
  @Flag(help: "One JSON object instead of words.")
  var json = false
  @Argument(help: "Settings section.key=value: frozen_dtype, what the adapter was trained on.")
  var settings: [String] = []

  func validate() throws {
    try check(threads: threads)
    guard config == nil else {
      guard model == nil, adapter.isEmpty, weights.isEmpty, rank == nil, data.isEmpty, settings.isEmpty else {
        throw ValidationError("--config stands alone: the file names the models and settings")
      }
      return
    }
    guard model != nil, !adapter.isEmpty else {
      throw ValidationError("Missing expected argument: --model and --adapter, or --config")
    }
    if adapter.count == 1, !weights.isEmpty || rank != nil {
      throw ValidationError("--weight and --rank are for several adapters")
    }
    guard weights.isEmpty || weights.count == adapter.count, weights.allSatisfy(\.isFinite) else {
      throw ValidationError(
        "--weight is given \(counted(weights.count, "time")), and there are \(adapter.count) adapters")
    }
    if adapter.count > 1, !data.isEmpty || !settings.isEmpty {
      throw ValidationError("--data and settings are for one adapter, which is folded into its base")
    }
    if let rank { try check("--rank", rank, in: 1...4096) }
  }

  func run() throws {
    if let config { return try merge(config) }
    guard let model, let first = adapter.first else { preconditionFailure("the options were checked") }
    if adapter.count > 1 { return try sum(model) }
    // The option for data takes words up to the next option, settings among them.
    let names = data.filter { !CommandSettings.isSetting($0) }
    let given = CommandSettings(
      data.filter(CommandSettings.isSetting) + settings, of: "merge", paths: Launch.paths)
    let form = Recipe.frozenForm(given.top, type: .float32)
    if form.embeddings != nil {
      given.top.fail(
        "frozen_dtype", "has embeddings, which merge leaves as the base has them", hint: "leave them out")
    }
    try given.finish()
    let (files, mistakes) = DataFileNames.files(names, at: "--data")
    guard mistakes.isEmpty else { throw UserErrors(mistakes) }
    let merge = try AdapterMerge(
      base: model, adapter: first, output: output,
      data: files.isEmpty ? [try Shipped.folder() + "/held-out.jsonl"] : files, storage: form.projections,
      threads: threads ?? max(Launch.allowedCores, 1))
    for note in merge.notes { Command.tell("note: " + note) }
    let lines = ProgressLines()
    let outcome = try merge.run { done, all in lines.tell { "merged \(done) of \(all) tensors" } }
    print(json ? outcome.json.encoded() : outcome.text)
  }
}

extension Merge {
  /// Sums several adapters to one.
  private func sum(_ model: String) throws {
    let outcome = try AdapterSum(
      base: model, adapters: adapter, weights: weights.isEmpty ? adapter.map { _ in 1 } : weights, rank: rank,
      output: output, threads: threads ?? max(Launch.allowedCores, 1)
    ).run()
    let json = JSON.object([
      "modules": .integer(outcome.modules), "rank": .integer(outcome.rank), "kept": .number(outcome.kept),
      "least_kept": .number(outcome.least),
    ])
    print(
      self.json
        ? json.encoded()
        : "adapters \(adapter.count)  modules \(outcome.modules)  rank \(outcome.rank)  "
          + "kept \(String(format: "%.4f", outcome.kept)) of the squares, at least \(String(format: "%.4f", outcome.least))"
    )
  }

  /// Merges the models of a YAML file.
  private func merge(_ file: String) throws {
    let recipe = try RecipeFile(file, assignments: [], paths: Launch.paths, problems: Problems())
    let problems = Problems()
    let top = Section(recipe.json, file: file, code: .usage, paths: Launch.paths, problems: problems)
    let models = MergeRecipe(top, paths: Launch.paths, problems: problems)
    try problems.throwIfAny()
    let merge = try ModelMerge(
      models, file: file, text: try OpenFile.contents(file), output: output, seed: seed,
      threads: threads ?? max(Launch.allowedCores, 1))
    for note in merge.notes { Command.tell("note: " + note) }
    let lines = ProgressLines()
    let outcome = try merge.run { done, all in lines.tell { "merged \(done) of \(all) tensors" } }
    print(json ? outcome.json.encoded() : outcome.text)
  }
}

extension ModelMerge.Outcome {
  fileprivate var text: String {
    "models \(models.count)  layers \(layers)  tensors \(tensors)  parameters \(parameters)  "
      + "types \(types.joined(separator: ","))"
  }

  fileprivate var json: JSON {
    .object([
      "models": .array(models.map { .string($0) }), "layers": .integer(layers), "tensors": .integer(tensors),
      "parameters": .integer(parameters), "types": .array(types.map { .string($0) }),
    ])
  }
}

extension AdapterMerge.Outcome {
  fileprivate var text: String {
    "tensors \(tensors)  types \(types.joined(separator: ","))  compared_tokens \(tokens)  "
      + "largest_logit \(largest)  largest_difference \(difference)  explained \(allowed)"
  }

  fileprivate var json: JSON {
    .object([
      "tensors": .integer(tensors), "types": .array(types.map { .string($0) }),
      "compared_tokens": .integer(tokens), "largest_logit": .number(Double(largest)),
      "largest_difference": .number(Double(difference)), "explained": .number(Double(allowed)),
    ])
  }
}
