// swiftdp generate --prompts: every rank answers a share of the prompts, and the first one writes all answers.
import Base
import Checkpoints
import Collectives
import Datasets
import Foundation
import Generation
import Recipes
import Reports
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
    let model = try TrainedModel(
      folder: command.options.model, adapter: command.options.adapter, settings: settings,
      threads: Launch.threads(ranks, asked: command.options.threads ?? settings.parallel.threads),
      ranks: ranks)
    if ranks.isFirst {
      for note in model.replica.description.notes { Command.tell("note: " + note) }
    }
    let tokens = try ranks.together { try encoded(file, model) }
    let start = Date()
    let answers = try answers(of: model)(to: tokens)
    let count = answers.reduce(0) { $0 + $1.count }
    let isText = model.replica.description.answerStart != nil
    try ranks.together {
      guard ranks.isFirst else { return }
      let lines = zip(file.rows, zip(tokens, answers)).map { row, texts in
        row.answered(
          model.tokenizer.text(of: texts.1, after: isText ? [] : texts.0), ids: command.ids ? texts.1 : nil)
          + "\n"
      }
      try newFile?.write(Array(lines.joined().utf8))
    }
    guard ranks.isFirst else { return }
    let seconds = Date().timeIntervalSince(start)
    print(
      "\(counted(tokens.count, "completion")), \(counted(count, "token")) in \(duration(seconds)), "
        + "\(decimals(Double(count) / seconds, 1)) tokens/s · \(output)")
  }

  /// Everything that can be wrong before a model is loaded, at once.
  private func prepare() throws -> (ModelSettings, PromptFile, NewFile?) {
    let problems = Problems()
    let settings = problems.collect { try command.modelSettings() }
    let file = problems.collect { () throws -> PromptFile in
      if let mistake = UserError.noFile(prompts, at: "--prompts") { throw mistake }
      return try PromptFile(prompts)
    }
    let newFile = problems.collect { ranks.isFirst ? try NewFile(output, at: "--output") : nil }
    if let settings {
      problems.collect {
        try TrainedModel.description(
          folder: command.options.model, adapter: command.options.adapter, settings
        ).checkMakesTexts()
      }
    }
    try problems.throwIfAny()
    guard let settings, let file, let newFile else { preconditionFailure("an error was collected") }
    return (settings, file, newFile)
  }

  private func encoded(_ file: PromptFile, _ model: TrainedModel) throws -> [[Int32]] {
    let tokens = file.rows.map { model.tokenizer.encode($0.prompt, addSpecialTokens: true) }
    let problems = Problems()
    for (row, prompt) in tokens.enumerated() {
      _ = problems.collect {
        try model.replica.description.check(prompt: prompt, at: file.place(of: row))
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
