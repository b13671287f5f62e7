// The data of a recipe with passages of an index before its questions: files beside the run, made once.
import Base
import Collectives
import Datasets
import Foundation
import Kernels
import Recipes
import Retrieval

extension Recipe {
  /// The same recipe with files of rows that have passages, in OUTPUT/retrieved: `data.retrieval`. What is there already of
  /// the same files, index and settings is taken. Collective.
  /// - Parameter tell: takes what the user should know, on the first rank.
  package func retrieved(ranks: Ranks, threads: Int, tell: (String) -> Void) throws -> Recipe {
    guard let retrieval = data.retrieval else { return self }
    let mode = SearchMode(rawValue: retrieval.mode.rawValue) ?? .dense
    let template = try ranks.together { try PassagePrompt(retrieval.template) }
    let facts = try IndexDatabase.facts(of: retrieval.index, ranks)
    let key = try ranks.together { try fileKey(retrieval, facts, template) }
    var recipe = self
    var open: (search: IndexSearch, encoder: EmbeddingModel?)?
    func file(_ files: [String], _ part: String, trains: Bool) throws -> String {
      let path = "\(output)/retrieved/\(key)-\(part).jsonl"
      let isThere = try ranks.together { ranks.isFirst && FileManager.default.fileExists(atPath: path) }
      guard ranks.broadcast(isThere ? 1 : 0) == 0 else { return path }
      try ranks.together { if ranks.isFirst { try makeFolders(folder(of: path)) } }
      let opened = try open ?? Self.open(retrieval, facts, mode, threads, parallel.blasKernel, ranks)
      open = opened
      var choice = ContextChoice(passages: retrieval.passages)
      // What is measured is asked as it will be.
      if trains {
        (choice.distractors, choice.dropGold) = (retrieval.distractors, retrieval.dropGold)
        choice.seed = UInt64(bitPattern: Int64(training.seed))
      }
      let summary = try RetrievedRows(
        opened.search, encoder: opened.encoder, mode: mode, template: template, choice: choice, ranks: ranks
      ).write(files, to: path)
      if ranks.isFirst {
        tell(
          "\(part): passages before \(counted(summary.rows, "question")), the answer among what is found for "
            + grouped(summary.withGold))
      }
      return path
    }
    for index in recipe.data.sources.indices {
      recipe.data.sources[index].files = [
        try file(
          recipe.data.sources[index].files, recipe.data.sources.count > 1 ? "train-\(index)" : "train",
          trains: true)
      ]
    }
    if case .files(let files) = recipe.data.validation {
      recipe.data.validation = .files([try file(files, "validation", trains: false)])
    }
    return recipe
  }

  private static func open(
    _ retrieval: RetrievalRecipe, _ facts: IndexFacts, _ mode: SearchMode, _ threads: Int, _ kernel: String?,
    _ ranks: Ranks
  ) throws -> (IndexSearch, EmbeddingModel?) {
    guard mode != .lexical else {
      let engine = try ranks.together { try Engine(threads: threads, kernel: kernel) }
      return (try IndexSearch(retrieval.index, engine: engine, ranks: ranks), nil)
    }
    // A process has one set of kernels.
    var settings = ModelSettings()
    settings.parallel.blasKernel = kernel
    let encoder = try EmbeddingModel(facts.encoder, settings: settings, threads: threads, ranks: ranks)
    try ranks.together { try facts.check(encoder, folder: facts.encoder, index: retrieval.index) }
    return (try IndexSearch(retrieval.index, engine: encoder.model.replica.engine, ranks: ranks), encoder)
  }

  /// Tells what the files are made of: the rows, the state of the index, and the settings.
  private func fileKey(_ retrieval: RetrievalRecipe, _ facts: IndexFacts, _ template: PassagePrompt) throws
    -> String
  {
    var hash = FNV1a()
    func mix(_ text: String) {
      for byte in text.utf8 { hash.mix(UInt64(byte)) }
      hash.mix(256)
    }
    for source in data.sources {
      for file in source.files { for byte in try OpenFile.contents(file) { hash.mix(UInt64(byte)) } }
      hash.mix(257)
    }
    if case .files(let files) = data.validation {
      for file in files { for byte in try OpenFile.contents(file) { hash.mix(UInt64(byte)) } }
    }
    mix("\(facts.fingerprint) \(facts.generation) \(template.fingerprint) \(training.seed)")
    mix("\(retrieval.passages) \(retrieval.distractors) \(retrieval.dropGold) \(retrieval.mode.rawValue)")
    return hash.digits
  }
}
