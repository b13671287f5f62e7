// What evaluate and predict have in common: a model, or several adapters of one base, and files that they are shown.
import Base
import Collectives
import Datasets
import Kernels
import Models
import Objectives
import Recipes
import Training

struct ReadData {
  /// What one adapter or the base is shown.
  struct Part {
    /// What rows call it; nil for the base, and for a model that is shown all rows.
    let adapter: String?
    /// Of its adapter.
    let folder: String?
    let trained: TrainedModel
    let options: DataOptions
    let dataset: Dataset

    var objective: any Objective { trained.replica.objective }
  }

  /// One, or where rows name adapters, those that they name.
  let parts: [Part]
  /// Where there are several adapters: which part each row is for.
  let rowParts: [Int]
  /// Whether all parts are for one task with the same labels, so that they have numbers together.
  let isOfOneTask: Bool
  private let settings: ModelSettings

  /// Loads the model and reads the files. Collective.
  /// - Parameters:
  ///   - rows: settings may stand behind the files of its data.
  ///   - command: its name, for messages.
  ///   - task: what the model is measured for; nil for what the settings or its head say.
  ///   - needsLabels: whether rows must have what the model predicts.
  ///   - needsLikeness: whether the model must be one that tells which rows are alike.
  ///   - needsOneTask: whether all adapters that rows name must be for one task.
  ///   - check: adds the command's own mistakes.
  init(
    _ model: ModelOptions, _ rows: RowOptions, of command: String, _ given: DataOptions,
    for task: (any Objective)? = nil, needsLabels: Bool,
    needsLikeness: Bool = false, needsOneTask: Bool = false, ranks: Ranks, check: (Problems) -> Void
  ) throws {
    let model = try ranks.together { try model.choosing(rows.task) }
    let plan = try ranks.together {
      try ReadPlan(
        model, rows, of: command, given, for: task, needsLabels: needsLabels, needsLikeness: needsLikeness,
        needsOneTask: needsOneTask, check: check)
    }
    rowParts = plan.rowParts
    isOfOneTask = plan.isOfOneTask
    let settings = plan.settings
    self.settings = settings
    let base = try TrainedModel(
      folder: model.model, adapter: plan.carrier?.folder, settings: settings,
      for: plan.parts[0].objective,
      threads: Launch.threads(ranks, asked: model.threads ?? settings.parallel.threads), ranks: ranks)
    if plan.parts[0].options.sources.flatMap(\.files).contains(where: StandardInput.isNamed) {
      try ranks.shareStandardInput()
    }
    parts = try plan.parts.map { part in
      var trained = base
      if model.takesTurns, let adapter = part.adapter, adapter.folder != plan.carrier?.folder {
        trained = try TrainedModel(
          base, with: adapter.folder, settings: settings, for: part.objective, ranks: ranks)
      }
      let name = model.takesTurns ? part.adapter?.name : nil
      let dataset = try ranks.together { try Self.read(part.options, by: trained, name) }
      return Part(
        adapter: name, folder: part.adapter?.folder, trained: trained, options: part.options, dataset: dataset
      )
    }
    guard ranks.isFirst else { return }
    let notes = base.replica.description.notes + parts.flatMap { Self.notes($0.dataset) }
    for note in notes { Command.tell("note: " + note) }
  }

  /// - Throws: rows that an adapter cannot read, with its name.
  private static func read(_ options: DataOptions, by trained: TrainedModel, _ adapter: String?) throws
    -> Dataset
  {
    do { return try trained.read(options) } catch var errors as UserErrors {
      if let adapter {
        for index in errors.errors.indices {
          errors.errors[index].what += ", for the adapter \(adapter.quoted)"
        }
      }
      throw errors
    }
  }

  /// What each part's model gives for its rows. Collective.
  func measured(batchSize: Int, findsMistakes: Bool = false, ranks: Ranks) throws -> [Evaluated] {
    let lines = ProgressLines()
    return try parts.map { part in
      try measure(
        part.dataset.train, rows: part.dataset.trainRows, replica: part.trained.replica, ranks: ranks,
        microBatchSize: batchSize, mask: .none, findsMistakes: findsMistakes,
        reference: try Reference(
          part.trained, adapter: part.folder, settings: settings, mask: .none, ranks: ranks)
      ) { done, all in
        if ranks.isFirst { lines.tell { "\(decimals(100 * Double(done) / Double(all), 0)) % of the rows" } }
      }
    }
  }

  /// What the user may want to change in the data or the options.
  private static func notes(_ dataset: Dataset) -> [String] {
    dataset.summary.trainFiles.files.flatMap { file in
      let what = file.cutTokens > 0 ? "cut to it" : "read in parts that do not see each other"
      let long =
        file.longRows == 0
        ? nil : "\(counted(file.longRows, "row")) longer than a sequence, \(what) (--sequence-length)"
      return [long, file.mergeWarning].compactMap { $0 }.map { "\(file.path): \($0)" }
    }
  }
}
