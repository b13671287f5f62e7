// What commands that put passages into an index have in common.
import ArgumentParser
import Base
import Collectives
import Datasets
import Foundation
import Retrieval
import Training

struct PassageOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: "Files, patterns or folders of passages: .jsonl, .json, .tsv, .csv, .parquet or .txt.",
    transform: Launch.path)
  var data: [String]

  /// - Parameter check: throws what else is wrong.
  /// - Throws: every mistake at once.
  func files(_ check: () throws -> Void) throws -> PassageFiles {
    let problems = Problems()
    let (files, mistakes) = DataFileNames.files(data, at: "--data")
    for mistake in mistakes { problems.add(mistake) }
    if files.contains(where: StandardInput.isNamed) {
      problems.add(
        .usage, "is standard input, and passages are read twice", at: "--data", hint: "name a file")
    }
    problems.collect(check)
    try problems.throwIfAny()
    return PassageFiles(files)
  }

  func edit(_ index: String, _ encoder: EmbeddingModel, _ ranks: Ranks) -> IndexEditing {
    if ranks.isFirst { for note in encoder.notes { Command.tell("note: " + note) } }
    var editing = IndexEditing(index, encoder, ranks: ranks, host: Ranks.hostName)
    let lines = ProgressLines()
    editing.progress = { count in lines.tell { counted(count, "passage") } }
    return editing
  }

  func tell(
    _ outcome: IndexEditing.Outcome, _ index: String, _ encoder: EmbeddingModel, since start: Date
  ) throws {
    if outcome.cut > 0 {
      Command.tell(
        "note: \(counted(outcome.cut, "chunk")) longer than the \(encoder.longest) tokens that the encoder reads"
      )
    }
    let seconds = max(Date().timeIntervalSince(start), 1e-9)
    let parts = [
      outcome.kept > 0 ? "\(counted(outcome.kept, "passage")) were there" : nil,
      outcome.added > 0 ? "\(counted(outcome.added, "passage")) added" : nil,
      outcome.updated > 0 ? "\(grouped(outcome.updated)) updated" : nil,
      outcome.unchanged > 0 ? "\(grouped(outcome.unchanged)) unchanged" : nil,
      "\(counted(outcome.chunks, "chunk")) in \(duration(seconds)), "
        + "\(decimals(Double(outcome.chunks) / seconds, 1)) chunks/s",
    ]
    print(parts.compactMap { $0 }.joined(separator: ", ") + " · \(index)")
  }
}

/// Of commands that use an index that is there.
struct OpenIndexOptions: ParsableArguments {
  @Option(help: "The folder of the index.", transform: Launch.path)
  var index: String
  @Option(help: "The encoder; by default the folder that the index was built with.", transform: Launch.path)
  var model: String?
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?

  func validate() throws { try check(threads: threads) }

  /// The facts of the index, known to all ranks. Collective.
  func facts(_ ranks: Ranks) throws -> IndexFacts { try IndexDatabase.facts(of: index, ranks) }

  /// The encoder, which must be that of the index. Collective.
  func encoder(_ facts: IndexFacts, _ ranks: Ranks) throws -> EmbeddingModel {
    try EmbeddingModel.of(index, facts, model, threads: Launch.threads(ranks, asked: threads), ranks)
  }
}

extension EmbeddingModel {
  /// - Parameter given: takes the place of the folder that the index names.
  static func of(
    _ index: String, _ facts: IndexFacts, _ given: String?, threads: Int, _ ranks: Ranks
  ) throws -> EmbeddingModel {
    let folder = given ?? facts.encoder
    try ranks.together {
      if let missing = UserError.noModelFolder(folder, at: given == nil ? index : "--model") {
        throw given == nil
          ? UserError(
            .usage, "was built with the encoder \(folder), which is not there", at: index,
            hint: "--model says where it is now") : missing
      }
      try check(folder)
    }
    let encoder = try EmbeddingModel(folder, threads: threads, ranks: ranks)
    try ranks.together { try facts.check(encoder, folder: folder, index: index) }
    return encoder
  }
}
