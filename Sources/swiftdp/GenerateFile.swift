// swiftdp generate --prompts: every rank answers a share of the prompts, and the first one writes all answers.
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Generation
import Recipes
import Reports
import Retrieval
import Tokenizers
import Training

struct GenerateFile {
  let command: Generate
  let prompts: String
  let output: String
  let ranks: Ranks

  /// Collective.
  func run() throws {
    let (settings, file, newFile) = try ranks.together { try prepare() }
    let adapters = command.options.adapters
    let model = try TrainedModel(
      folder: command.options.model, adapter: takesTurns ? nil : command.options.adapter, settings: settings,
      threads: Launch.threads(ranks, asked: command.options.threads ?? settings.parallel.threads),
      ranks: ranks)
    var models = [(rows: file.rows.indices.filter { !takesTurns || file.rows[$0].adapter == nil }, model)]
    for adapter in takesTurns ? adapters : [] {
      let adapted = try TrainedModel(model, with: adapter.folder, settings: settings, ranks: ranks)
      models.append((file.rows.indices.filter { file.rows[$0].adapter == adapter.name }, adapted))
    }
    if ranks.isFirst {
      for note in model.replica.description.notes { Command.tell("note: " + note) }
    }
    let grounding = try Grounding(command.grounding, threads: command.options.threads, ranks)
    let grounded = try grounding?.questions(
      file.rows.map(\.prompt), searchedAs: file.rows.map { $0.query ?? $0.prompt }
    ) { model.hasRoom(for: $0, command.maxTokens) }
    let tokens = try ranks.together { try encoded(file, grounded, models) }
    let start = Date()
    var answers = [[Int32]](repeating: [], count: tokens.count)
    for (all, model) in models {
      let rows = all.filter { grounded?[$0].isAnswerable ?? true }
      if rows.isEmpty { continue }
      let made = try self.answers(of: model)(to: rows.map { tokens[$0] }, samples: rows)
      for (row, answer) in zip(rows, made) { answers[row] = answer }
    }
    let count = answers.reduce(0) { $0 + $1.count }
    let isText = model.replica.description.answerStart != nil
    try ranks.together {
      guard ranks.isFirst else { return }
      let lines = file.rows.indices.map { place in
        let (prompt, answer) = (tokens[place], answers[place])
        let asked = grounded?[place]
        let isAnswered = asked?.isAnswerable ?? true
        return file.rows[place].answered(
          isAnswered
            ? model.tokenizer.text(of: answer, after: isText ? [] : prompt) : GroundingOptions.noAnswer,
          ids: command.ids ? answer : nil, beside: asked?.members ?? []) + "\n"
      }
      try newFile?.write(Array(lines.joined().utf8))
    }
    guard ranks.isFirst else { return }
    let seconds = Date().timeIntervalSince(start)
    print(
      "\(counted(tokens.count, "completion")), \(counted(count, "token")) in \(duration(seconds)), "
        + "\(decimals(Double(count) / seconds, 1)) tokens/s · \(output)")
  }

  private var takesTurns: Bool { command.options.takesTurns }

  /// Everything that can be wrong before a model is loaded, at once.
  private func prepare() throws -> (ModelSettings, PromptFile, NewFile?) {
    let problems = Problems()
    let settings = problems.collect { try command.modelSettings() }
    let file = problems.collect { () throws -> PromptFile in
      if let mistake = UserError.noFile(prompts, at: "--prompts") { throw mistake }
      return try PromptFile(prompts)
    }
    let newFile = problems.collect { ranks.isFirst ? try NewFile(output, at: "--output") : nil }
    let adapters = command.options.adapters
    if let settings {
      for folder in adapters.isEmpty ? [nil] : adapters.map(\.folder) {
        problems.collect {
          try TrainedModel.description(folder: command.options.model, adapter: folder, settings)
            .checkMakesTexts()
        }
      }
    }
    if ranks.isFirst { problems.collect { try command.grounding.checkFiles() } }
    problems.collect { try command.options.checkNames() }
    if takesTurns, let file { problems.collect { try checkNames(of: file) } }
    try problems.throwIfAny()
    guard let settings, let file, let newFile else { preconditionFailure("an error was collected") }
    return (settings, file, newFile)
  }

  /// - Throws: where rows name adapters that are not given.
  private func checkNames(of file: PromptFile) throws {
    let mistakes = file.rows.indices.compactMap {
      command.options.mistake(file.rows[$0].adapter, at: file.place(of: $0))
    }
    try PromptFile.refuse(mistakes, in: file.path)
  }

  private func encoded(
    _ file: PromptFile, _ grounded: [GroundedQuestion]?, _ models: [(rows: [Int], TrainedModel)]
  ) throws -> [[Int32]] {
    var tokens = [[Int32]](repeating: [], count: file.rows.count)
    let problems = Problems()
    for (rows, model) in models {
      for row in rows {
        tokens[row] = model.tokenizer.encode(
          grounded?[row].prompt ?? file.rows[row].prompt, addSpecialTokens: true)
        _ = problems.collect {
          try model.replica.description.check(prompt: tokens[row], at: file.place(of: row))
        }
      }
    }
    try PromptFile.refuse(problems.errors, in: file.path)
    return tokens
  }

  private func answers(of model: TrainedModel) -> Answers {
    var answers = Answers(of: model.replica, ranks: ranks, longest: command.maxTokens)
    answers.search = command.search
    answers.sampling = command.sampling
    answers.batchSize = command.batchSize ?? 32
    var bar = ProgressBar(columns: ranks.isFirst ? Launch.terminalColumns : nil)
    let start = Date()
    answers.progress = { [ranks] prompts, answered, made in
      // Other ranks have about as much to do, and are not asked.
      let seconds = max(Date().timeIntervalSince(start), 1e-9)
      let left = seconds / Double(answered) * Double(prompts - answered)
      let rate = grouped(Int(Double(made * ranks.count) / seconds))
      let text = bar.text(answered, of: prompts, facts: "\(rate) tokens/s  \(duration(left)) left")
      if ranks.isFirst, let text { StandardStream.output.write(text) }
      if ranks.isFirst, answered == prompts, Launch.terminalColumns != nil {
        StandardStream.output.write("\n")
      }
    }
    return answers
  }
}

extension GroundedQuestion {
  /// What an answer says of its passages.
  fileprivate var members: [JSON.Member] {
    [
      JSON.Member(key: Array("sources".utf8), value: sourcesJSON),
      JSON.Member(key: Array("answered".utf8), value: .bool(isAnswerable)),
    ]
  }
}
