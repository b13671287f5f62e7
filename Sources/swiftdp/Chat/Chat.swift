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
  @Option(help: "0 takes the likeliest token; higher values vary more.")
  var temperature = 0.0
  @Option(help: "Draw from so many likeliest tokens only.")
  var topK: Int?
  @Option(help: "Draw from the likeliest tokens that together have this probability.")
  var topP = 1.0
  @Option(help: "Of the random draws.")
  var seed = 0
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel.")
  var settings: [String] = []

  func validate() throws {
    guard options.adapters.count < 2 else {
      throw ValidationError(
        "A chat is with one --adapter; generate --prompts, evaluate and predict take several")
    }
    try check("--max-tokens", maxTokens, in: 1...Int.max)
    guard temperature >= 0, temperature.isFinite else {
      throw ValidationError("--temperature must be at least 0")
    }
    try check("--top-k", topK, in: 1...Int.max)
    guard topP > 0, topP <= 1 else { throw ValidationError("--top-p must be above 0 and at most 1") }
    try check("--seed", seed, in: 0...Int.max)
  }

  func run() throws {
    let given = CommandSettings(settings, of: "chat", paths: Launch.paths)
    let settings = ModelSettings(given.top)
    try given.finish()
    let chosen = try template.map { $0.hasSuffix(".jinja") ? try Launch.path($0) : $0 }
    try TrainedModel.description(folder: options.model, adapter: options.adapter, settings).checkMakesTexts()
    // An adapter may bring the template that it was trained with.
    let own = options.adapter.flatMap { try? ChatTemplate(chosen, folder: $0) }
    let chatTemplate = try own ?? ChatTemplate(chosen, folder: options.model)
    let model = try TrainedModel(
      folder: options.model, adapter: options.adapter, settings: settings,
      threads: options.threads ?? settings.parallel.threads ?? max(Launch.allowedCores, 1))
    for note in model.replica.description.notes { Command.tell("note: " + note) }
    let session = ChatSession(
      model, ChatEncoder(chatTemplate, loss: .answers, encoding: model.tokenizer), system: system,
      sampling: Sampling(temperature: temperature, topK: topK, topP: topP, seed: UInt64(seed)),
      maximum: maxTokens)
    try ChatLoop(session).run()
  }
}
