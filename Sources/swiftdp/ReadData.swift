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
  ///   - words: what the option for data has taken: files, and settings behind them.
  ///   - settings: more settings.
  ///   - command: its name, for messages.
  ///   - needsLabels: whether rows must have what the model predicts.
  init(
    model: String, adapter: String?, words: [String], settings: [String], of command: String,
    _ given: DataOptions, sequenceLength: Int?, threads: Int?, needsLabels: Bool, ranks: Ranks
  ) throws {
    let (modelSettings, objective, options) = try ranks.together {
      try Self.prepare(
        model: model, adapter: adapter, words: words, settings: settings, of: command, given,
        sequenceLength: sequenceLength, needsLabels: needsLabels)
    }
    let trained = try TrainedModel(
      folder: model, adapter: adapter, settings: modelSettings, for: objective,
      threads: Launch.threads(ranks, asked: threads ?? modelSettings.parallel.threads), ranks: ranks)
    dataset = try ranks.together { try trained.read(options) }
    self.trained = trained
    self.options = options
    guard ranks.isFirst else { return }
    for note in trained.replica.description.notes + notes { Command.tell("note: " + note) }
  }

  /// Everything that can be wrong before the model is loaded, at once.
  private static func prepare(
    model: String, adapter: String?, words: [String], settings: [String], of command: String,
    _ given: DataOptions, sequenceLength: Int?, needsLabels: Bool
  ) throws -> (ModelSettings, any Objective, DataOptions) {
    let problems = Problems()
    let files = words.filter { !CommandSettings.isSetting($0) }
    for file in files {
      if let mistake = UserError.noFile(file, at: "--data") { problems.add(mistake) }
    }
    if files.isEmpty { problems.add(.usage, "names no file", at: "--data") }
    let reading = CommandSettings(
      words.filter(CommandSettings.isSetting) + settings, of: command, paths: Launch.paths)
    let modelSettings = ModelSettings(reading.top)
    let description = problems.collect {
      try TrainedModel.description(folder: model, adapter: adapter, modelSettings)
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
          .usage, "is a language model, whose answers are texts", at: model,
          hint: "swiftdp generate writes them, or set task=\(TextToText.name)")
      ])
    }
    var options = given
    options.wishes.needsLabels = needsLabels
    let data = reading.top.section("data")
    (options.format, options.columns) = DataRecipe.form(data, for: objective, default: given.format)
    options.sources = [DataSource(files: files, format: options.format, columns: options.columns)]
    let longest = description.family.maximumLength
    let length = data.integer(
      "sequence_length", default: sequenceLength ?? min(256, longest), in: 2...1 << 20)
    options.sequenceLength = length
    options.packing = data.bool("packing", default: given.packing && !options.format.isLabelled)
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
  /// - Throws: if the model is not one for the objective.
  fileprivate func checked(_ objective: any Objective) throws -> any Objective {
    guard objective.head.kind == head.kind, answerStart == nil || objective.answersTexts else {
      throw UserError(
        .usage, "is \(type(of: objective).name), and the model is for another one", at: "task",
        hint: "leave it out: \(folder) says what it is for")
    }
    try objective.check(self)
    return objective
  }
}
