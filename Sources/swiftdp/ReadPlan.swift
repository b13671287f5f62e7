// What evaluate and predict will read, checked before any model is loaded.
import Adapters
import Base
import Datasets
import Models
import Objectives
import Recipes
import Training

struct ReadPlan {
  struct Part {
    /// Nil for the base.
    let adapter: NamedAdapter?
    let objective: any Objective
    let head: Head
    let options: DataOptions
  }

  let settings: ModelSettings
  /// The base first, if it is asked.
  private(set) var parts: [Part] = []
  /// Where there are several adapters: which part each row is for.
  private(set) var rowParts: [Int] = []
  /// The adapter that the base is loaded with, so that others can share what that freezes: the only one, or the first
  /// where the base has no head of its own, and so lacks what stands between its layers and a head.
  private(set) var carrier: NamedAdapter?

  /// Finds everything that can be wrong, at once; parameters as those of `ReadData`.
  init(
    _ model: ModelOptions, _ rows: RowOptions, of command: String, _ given: DataOptions,
    for wanted: (any Objective)?, needsLabels: Bool,
    needsLikeness: Bool, needsOneTask: Bool, check: (Problems) -> Void
  ) throws {
    let problems = Problems()
    check(problems)
    let words = rows.data
    let names = words.filter { !CommandSettings.isSetting($0) }
    let (files, mistakes) = DataFileNames.files(names, at: "--data")
    for mistake in mistakes { problems.add(mistake) }
    if names.isEmpty { problems.add(.usage, "names no file", at: "--data") }
    let reading = CommandSettings(
      words.filter(CommandSettings.isSetting) + rows.settings, of: command, paths: Launch.paths)
    settings = ModelSettings(reading.top)
    let data = reading.top.section("data")
    var asked = [model.adapters.first]
    if model.takesTurns {
      problems.collect { try model.checkNames() }
      if !problems.errors.isEmpty { throw UserErrors(problems.errors) }
      let named = try Self.adapters(of: files, DataColumns(data.section("columns")), model)
      asked = ([nil] + model.adapters).filter { adapter in named.contains { $0 == adapter?.name } }
      rowParts = named.map { name in asked.firstIndex { $0?.name == name } ?? 0 }
    }
    let task = wanted ?? (reading.top.has("task") ? TaskRecipe(reading.top).objective : nil)
    for adapter in asked {
      let described = problems.collect {
        let description = try TrainedModel.description(
          folder: model.model, adapter: adapter?.folder, settings)
        try wanted?.check(description)
        return (description, try task.map { try description.checked($0) } ?? objective(of: description))
      }
      guard let (description, objective) = described else { throw UserErrors(problems.errors) }
      // What has no labels to predict has no format to read either.
      if !needsLabels, type(of: objective).format == nil {
        throw UserErrors([
          UserError(
            .usage, "is a language model, whose answers are texts",
            at: model.takesTurns ? adapter?.folder ?? model.model : model.model,
            hint: "swiftdp generate writes them, or set task=\(TextToText.name)")
        ])
      }
      if !needsLabels, !type(of: objective).predicts {
        problems.add(
          .usage, "is \(type(of: objective).name), which predicts nothing of a row", at: "task",
          hint: "swiftdp evaluate measures it")
      }
      if objective.reference != .none, objective.referenceModel == nil, !Self.knowsBase(adapter) {
        problems.add(
          .usage, "compares with a reference, and only a model knows what it was trained from", at: "task",
          hint: "set task.reference_model=FOLDER, or task.reference=none")
      }
      if needsLikeness, !type(of: objective).comparesRows {
        problems.add(
          .usage, "is for embedding models, and the model's task is \(type(of: objective).name)",
          at: "--train", hint: "leave it out")
      }
      var options = given
      options.wishes.needsLabels = needsLabels
      (options.format, options.columns) = DataRecipe.form(data, for: objective, default: given.format)
      options.chats = ChatOptions(data)
      options.chats.folder = model.model
      options.sources = [
        DataSource(
          files: files, format: options.format, columns: options.columns,
          choice: model.takesTurns ? .adapter(adapter?.name) : .all)
      ]
      let longest = description.family.maximumLength
      options.sequenceLength = data.integer(
        "sequence_length", default: rows.sequenceLength ?? min(256, longest), in: 2...1 << 20)
      options.virtual = description.virtualPositions
      options.packing = data.bool(
        "packing", default: given.packing && !options.format.isLabelled && options.virtual == .none)
      if options.sequenceLength > longest, parts.isEmpty {
        problems.add(
          .usage, "is \(options.sequenceLength), but the model reads at most \(longest) tokens",
          at: "--sequence-length")
      }
      parts.append(Part(adapter: adapter, objective: objective, head: description.head, options: options))
    }
    carrier = asked[0]
    if model.takesTurns, let first = asked[0] {
      let head = problems.collect {
        try TrainedModel.description(folder: model.model, adapter: nil, settings).head
      }
      if head?.kind != Head.Kind.none { carrier = nil }
      let isOfOtherBase = (problems.collect { try adapterMethod(in: first.folder) } as? LoRA)?.start == .pissa
      if carrier != nil, isOfOtherBase {
        problems.add(
          .data, "stands on a base of its own (init), so that it cannot share a base with others",
          at: first.folder, hint: "give it as the only --adapter")
      }
    }
    if needsOneTask, !isOfOneTask {
      problems.add(
        .usage, "is for one task, and the adapters that rows name have others", at: "--output",
        hint: "evaluate them one by one")
    }
    problems.collect { try reading.finish() }
    try problems.throwIfAny()
  }

  /// Whether all parts are for one task with the same labels, so that they have numbers together.
  var isOfOneTask: Bool {
    parts.dropFirst().allSatisfy {
      type(of: $0.objective) == type(of: parts[0].objective) && $0.head == parts[0].head
    }
  }

  /// Whether an adapter tells what its model was before: the base without it.
  private static func knowsBase(_ adapter: NamedAdapter?) -> Bool {
    guard let adapter, let method = try? adapterMethod(in: adapter.folder) else { return false }
    return method.beginsAsBase
  }

  /// What each row names as its adapter; nil for none.
  /// - Throws: where rows name adapters that are not given.
  private static func adapters(
    of files: [String], _ columns: DataColumns, _ model: ModelOptions
  ) throws -> [String?] {
    let options = DataOptions(
      train: files, columns: columns, packing: false, sequenceLength: 2, seed: 0, names: .options)
    var names: [String?] = []
    var mistakes: [UserError] = []
    try options.forEachRow { row, place in
      let name = row[RowChoice.key]?.text
      names.append(name)
      if let mistake = model.mistake(name, at: place) { mistakes.append(mistake) }
    }
    try PromptFile.refuse(mistakes, in: files.joined(separator: ", "))
    // Texts without rows are for the base.
    return files.contains { $0.hasSuffix(".txt") } || names.isEmpty ? names + [nil] : names
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
