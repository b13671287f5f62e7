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
    // Prompts of about one length go to all ranks in turn, so that all have about as much to do.
    let order = tokens.indices.sorted { (tokens[$0].count, $0) < (tokens[$1].count, $1) }
    let own = stride(from: ranks.rank, to: order.count, by: ranks.count).map { order[$0] }
    let start = Date()
    let answers = try ranks.together { try answer(own, tokens, model) }
    let count = ranks.sum(answers.reduce(0) { $0 + $1.count })
    let lines = zip(own, answers).map { index, ids in
      file.rows[index].answered(
        text(
          of: ids, after: model.replica.description.answerStart == nil ? tokens[index] : [], model.tokenizer),
        ids: command.ids ? ids : nil)
    }
    let parts = ranks.gatherOnFirst(Array(lines.joined(separator: "\n").utf8))
    try ranks.together { if ranks.isFirst { try newFile?.write(inOrder(parts, order)) } }
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

  /// The tokens that this rank's prompts get.
  private func answer(_ own: [Int], _ tokens: [[Int32]], _ model: TrainedModel) throws -> [[Int32]] {
    var answers = [[Int32]](repeating: [], count: own.count)
    var bar = ProgressBar(columns: ranks.isFirst ? Launch.terminalColumns : nil)
    let start = Date()
    var (ended, made) = (0, 0)
    func show() {
      // Other ranks have about as much to do, and are not asked.
      let seconds = max(Date().timeIntervalSince(start), 1e-9)
      let left = seconds / Double(ended) * Double(own.count - ended)
      let rate = grouped(Int(Double(made * ranks.count) / seconds))
      let text = bar.text(ended, of: own.count, facts: "\(rate) tokens/s  \(duration(left)) left")
      if ranks.isFirst, let text { StandardStream.output.write(text) }
    }
    let prompts = own.map { Generator.Prompt(tokens[$0], sample: $0) }
    let batchSize = command.batchSize ?? 32
    if let search = command.search {
      try model.replica.generator.run(
        prompts, search: search, batchSize: batchSize, maximum: command.maxTokens
      ) {
        answers[$0] = $1
        (ended, made) = (ended + 1, made + $1.count)
        show()
      }
    } else {
      try model.replica.generator.run(
        prompts, batchSize: batchSize, maximum: command.maxTokens, sampling: command.sampling
      ) {
        answers[$0].append($1)
        made += 1
        return true
      } ended: { _ in
        ended += 1
        show()
      }
    }
    if ranks.isFirst, Launch.terminalColumns != nil { StandardStream.output.write("\n") }
    return answers
  }

  /// An answer as it stands behind its prompt: without it, the first piece would lose the space before it.
  private func text(of ids: [Int32], after prompt: [Int32], _ tokenizer: Tokenizer) -> String {
    var decoder = StreamingDecoder(tokenizer, skipSpecialTokens: true)
    for id in prompt { _ = decoder.append(id) }
    return ids.map { decoder.append($0) }.joined() + decoder.finish()
  }

  /// The lines of all ranks in the order of their prompts, as one text.
  private func inOrder(_ parts: [[UInt8]], _ order: [Int]) -> [UInt8] {
    let newLine = UInt8(ascii: "\n")
    var lines = [ArraySlice<UInt8>](repeating: [], count: order.count)
    for (rank, part) in parts.enumerated() where !part.isEmpty {
      for (place, line) in part.split(separator: newLine, omittingEmptySubsequences: false).enumerated() {
        lines[order[place * ranks.count + rank]] = line
      }
    }
    return lines.reduce(into: []) { $0 += $1 + [newLine] }
  }
}
