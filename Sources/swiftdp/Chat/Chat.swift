// swiftdp chat
import ArgumentParser
import Base
import Datasets
import Generation
import Models
import Recipes
import Templates
import Training

struct Chat: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Talk to a model.",
    discussion: """
      Example: swiftdp chat --model runs/mine/model --system 'Answer briefly.'
      A line is a message; one that ends with \\ goes on in the next, and lines between two lines of \"\"\" are one message.
      Ctrl-C stops an answer, and Ctrl-D ends the chat. /help names the other commands.
      With several --adapter NAME=FOLDER, /adapter NAME says which one answers from then on.
      With --index, passages stand before each question, and what they are stands behind each answer.
      """)

  @OptionGroup var options: ModelOptions
  @Option(help: "What the model is told before the chat.")
  var system: String?
  @Option(
    help: ArgumentHelp(
      "A template instead of the model's: a file that ends in .jinja, or the name of one.", valueName: "name")
  )
  var template: String?
  @Option(help: "The most tokens of an answer.")
  var maxTokens = 1024
  @OptionGroup var choice: SamplingOptions
  @OptionGroup var grounding: GroundingOptions
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel.")
  var settings: [String] = []

  func validate() throws { try check("--max-tokens", maxTokens, in: 1...Int.max) }

  func run() throws {
    let given = CommandSettings(settings, of: "chat", paths: Launch.paths)
    let settings = ModelSettings(given.top)
    try given.finish()
    try options.checkNames()
    try grounding.checkFiles()
    let session = ChatSession(
      try voices(settings), system: system, sampling: choice.sampling, maximum: maxTokens)
    guard grounding.index != nil else { return try ChatLoop(session).run() }
    if Launch.rank != nil {
      throw UserError(.usage, "is for one process", at: "--index", hint: "start swiftdp chat without mpirun")
    }
    try onRanks { ranks in
      guard let passages = try Grounding(grounding, threads: options.threads, ranks) else { return }
      session.grounding = { question in
        let maximum = maxTokens
        let found = try passages.questions([Array(question.utf8)]) {
          session.voice.model.hasRoom(for: $0, maximum)
        }
        guard let first = found.first else { preconditionFailure("a question for each question") }
        return first
      }
      try ChatLoop(session).run()
    }
  }

  /// Who answers: the model, or each of several adapters of it and the model without one.
  private func voices(_ settings: ModelSettings) throws -> [ChatVoice] {
    let chosen = try template.map { $0.hasSuffix(".jinja") ? try Launch.path($0) : $0 }
    let adapter = options.takesTurns ? nil : options.adapter
    try TrainedModel.description(folder: options.model, adapter: adapter, settings).checkMakesTexts()
    func encoder(_ model: TrainedModel, _ adapter: String?) throws -> ChatEncoder {
      // An adapter may bring the template that it was trained with.
      let own = adapter.flatMap { try? ChatTemplate(chosen, folder: $0) }
      return ChatEncoder(
        try own ?? ChatTemplate(chosen, folder: options.model), loss: .answers, encoding: model.tokenizer)
    }
    let model = try TrainedModel(
      folder: options.model, adapter: adapter, settings: settings,
      threads: options.threads ?? settings.parallel.threads ?? max(Launch.allowedCores, 1))
    for note in model.replica.description.notes { Command.tell("note: " + note) }
    let others = options.takesTurns ? options.adapters : []
    return try others.map { other in
      let adapted = try TrainedModel(model, with: other.folder, settings: settings)
      return ChatVoice(other.name, adapted, try encoder(adapted, other.folder))
    } + [ChatVoice(ChatVoice.base, model, try encoder(model, adapter))]
  }
}
