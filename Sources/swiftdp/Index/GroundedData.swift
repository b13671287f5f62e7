// Data of evaluate with passages before its questions: a file that is gone when the command ends.
import Base
import Collectives
import Datasets
import Foundation
import Recipes
import Retrieval
import Training

struct GroundedData {
  /// What stands in the place of the files: a file, and the settings that stood beside them.
  let words: [String]
  private let path: String

  /// Collective.
  /// - Returns: nil without --index.
  init?(_ options: GroundingOptions, _ rows: RowOptions, threads: Int?, _ ranks: Ranks) throws {
    guard let index = options.index else { return nil }
    guard ranks.hosts == 1 else {
      throw UserError(.usage, "is for ranks on one host", at: "--index", hint: "start fewer ranks")
    }
    if options.threshold != nil {
      throw UserError(
        .usage, "is for answers, and evaluate measures losses", at: "--threshold", hint: "leave it out")
    }
    let (files, template) = try ranks.together {
      let problems = Problems()
      let (files, mistakes) = DataFileNames.files(
        rows.data.filter { !CommandSettings.isSetting($0) }, at: "--data")
      for mistake in mistakes { problems.add(mistake) }
      let template = problems.collect { try PassagePrompt(options.passageTemplate) }
      try problems.throwIfAny()
      guard let template else { preconditionFailure("an error was collected") }
      return (files, template)
    }
    var open = OpenIndexOptions()
    (open.index, open.model, open.threads) = (index, options.encoder, threads)
    var search = SearchOptions()
    search.mode = options.mode.flatMap { SearchMode(rawValue: $0) } ?? .dense
    let searching = try Searching(open, search, scorer: nil, ranks)
    path = ranks.broadcast(
      FileManager.default.temporaryDirectory.path + "/swiftdp-\(UUID().uuidString)-rows-with-passages.jsonl")
    words = [path] + rows.data.filter(CommandSettings.isSetting)
    _ = try RetrievedRows(
      searching.search, encoder: searching.encoder, mode: search.mode, template: template,
      choice: ContextChoice(passages: options.passages ?? 4), ranks: ranks
    ).write(files, to: path)
  }

  func remove(_ ranks: Ranks) { if ranks.isFirst { unlink(path) } }
}
