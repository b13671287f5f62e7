// What evaluate and predict have in common: a model, and files that it is shown.
import Base
import Collectives
import Datasets
import Kernels
import Models
import Objectives
import Recipes
import Training

struct ReadData {
  let trained: TrainedModel
  let options: DataOptions
  let dataset: Dataset

  /// Loads the model and reads the files. Collective.
  /// - Parameters:
  ///   - rows: settings may stand behind the files of its data.
  ///   - command: its name, for messages.
  ///   - needsLabels: whether rows must have what the model predicts.
  ///   - needsLikeness: whether the model must be one that tells which rows are alike.
  ///   - check: adds the command's own mistakes.
  init(
    _ model: ModelOptions, _ rows: RowOptions, of command: String, _ given: DataOptions, needsLabels: Bool,
    needsLikeness: Bool = false, ranks: Ranks, check: (Problems) -> Void
  ) throws {
    let (modelSettings, objective, options) = try ranks.together {
      try Self.prepare(
        model, rows, of: command, given, needsLabels: needsLabels, needsLikeness: needsLikeness, check: check)
    }
    let trained = try TrainedModel(
      folder: model.model, adapter: model.adapter, settings: modelSettings, for: objective,
      threads: Launch.threads(ranks, asked: model.threads ?? modelSettings.parallel.threads), ranks: ranks)
    if options.sources.flatMap(\.files).contains(where: StandardInput.isNamed) {
      try ranks.shareStandardInput()
    }
    dataset = try ranks.together { try trained.read(options) }
    self.trained = trained
    self.options = options
    guard ranks.isFirst else { return }
    for note in trained.replica.description.notes + notes { Command.tell("note: " + note) }
  }

  /// Everything that can be wrong before the model is loaded, at once.
  private static func prepare(
    _ model: ModelOptions, _ rows: RowOptions, of command: String, _ given: DataOptions, needsLabels: Bool,
    needsLikeness: Bool, check: (Problems) -> Void
  ) throws -> (ModelSettings, any Objective, DataOptions) {
    let problems = Problems()
    check(problems)
    let words = rows.data
    let names = words.filter { !CommandSettings.isSetting($0) }
    let (files, mistakes) = DataFileNames.files(names, at: "--data")
    for mistake in mistakes { problems.add(mistake) }
    if names.isEmpty { problems.add(.usage, "names no file", at: "--data") }
    let reading = CommandSettings(
      words.filter(CommandSettings.isSetting) + rows.settings, of: command, paths: Launch.paths)
    let modelSettings = ModelSettings(reading.top)
    let description = problems.collect {
      try TrainedModel.description(folder: model.model, adapter: model.adapter, modelSettings)
    }
    let asked = reading.top.has("task") ? TaskRecipe(reading.top).objective : nil
    guard let description,
      let objective = problems.collect({
        try asked.map { try description.checked($0) } ?? objective(of: description)
      })
    else {
      throw UserErrors(problems.errors)
    }
    // What has no labels to predict has no format to read either.
    if !needsLabels, type(of: objective).format == nil {
      throw UserErrors([
        UserError(
          .usage, "is a language model, whose answers are texts", at: model.model,
          hint: "swiftdp generate writes them, or set task=\(TextToText.name)")
      ])
    }
    if needsLikeness, !type(of: objective).comparesRows {
      problems.add(
        .usage, "is for embedding models, and the model's task is \(type(of: objective).name)", at: "--train",
        hint: "leave it out")
    }
    var options = given
    options.wishes.needsLabels = needsLabels
    let data = reading.top.section("data")
    (options.format, options.columns) = DataRecipe.form(data, for: objective, default: given.format)
    options.chats = ChatOptions(data)
    options.chats.folder = model.model
    options.sources = [DataSource(files: files, format: options.format, columns: options.columns)]
    let longest = description.family.maximumLength
    let length = data.integer(
      "sequence_length", default: rows.sequenceLength ?? min(256, longest), in: 2...1 << 20)
    options.sequenceLength = length
    options.virtual = description.virtualPositions
    options.packing = data.bool(
      "packing", default: given.packing && !options.format.isLabelled && options.virtual == .none)
    problems.collect { try reading.finish() }
    if length > longest {
      problems.add(
        .usage, "is \(length), but the model reads at most \(longest) tokens", at: "--sequence-length")
    }
    try problems.throwIfAny()
    return (modelSettings, objective, options)
  }

  /// What the user may want to change in the data or the options.
  private var notes: [String] {
    dataset.summary.trainFiles.files.flatMap { file in
      let what = file.cutTokens > 0 ? "cut to it" : "read in parts that do not see each other"
      let long =
        file.longRows == 0
        ? nil : "\(counted(file.longRows, "row")) longer than a sequence, \(what) (--sequence-length)"
      return [long, file.mergeWarning].compactMap { $0 }.map { "\(file.path): \($0)" }
    }
  }
}

extension ModelDescription {
  /// - Throws: if the model is not one for the objective. What needs no head is measured of any model.
  fileprivate func checked(_ objective: any Objective) throws -> any Objective {
    guard [head.kind, .none].contains(objective.head.kind), answerStart == nil || objective.answersTexts
    else {
      throw UserError(
        .usage, "is \(type(of: objective).name), and the model is for another one", at: "task",
        hint: "leave it out: \(folder) says what it is for")
    }
    try objective.check(self)
    return objective
  }
}
