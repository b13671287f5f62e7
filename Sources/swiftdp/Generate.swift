// swiftdp generate
import ArgumentParser
import Base
import Collectives
import Foundation
import Generation
import Kernels
import Recipes
import Tokenizers
import Training

struct Generate: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Continue a prompt, or all prompts of a file.",
    discussion: """
      Example: swiftdp generate --model runs/shakespeare/model --prompt 'ROMEO:' --max-tokens 100
      Example: mpirun -np 4 swiftdp generate --model runs/mine/model --prompts questions.jsonl --output answers.jsonl
      The text of one prompt is printed as it comes. A file has rows {"prompt": …}; the same rows with "completion" are
      written, which is data of format completion. Answers depend neither on --batch-size nor on the number of
      ranks.
      With --index, passages stand before each prompt, and each answer has its sources: as "sources" of its row, or in
      lines behind it. A row may say what is searched for as "query"; otherwise that is its prompt.
      """)

  @OptionGroup var options: ModelOptions
  @Option(help: "The text to continue.")
  var prompt: String?
  @Option(help: "A .jsonl file with a prompt in each row.", transform: Launch.path)
  var prompts: String?
  @Option(help: "The .jsonl file to write; there must be none yet.", transform: Launch.path)
  var output: String?
  @Option(help: "Texts that a rank continues at once; 32 by default.")
  var batchSize: Int?
  @Flag(help: "Write the tokens of each completion too.")
  var ids = false
  @Option(help: "How many tokens to make at most.")
  var maxTokens = 100
  @Option(help: "Search for the likeliest text with so many beams, instead of token by token.")
  var beams = 1
  @Option(help: "The power of its length that the log-probability of a beam is divided by.")
  var lengthPenalty = 1.0
  @Flag(help: "End a search with as many complete texts as beams, even if others could be likelier.")
  var earlyStopping = false
  @OptionGroup var choice: SamplingOptions
  @OptionGroup var grounding: GroundingOptions
  @Argument(help: "Settings section.key=value: model_dtype, frozen_dtype, parallel.")
  var settings: [String] = []

  func validate() throws {
    guard prompt != nil || prompts != nil else {
      throw ValidationError("Missing expected argument '--prompt <prompt>' or '--prompts <prompts>'")
    }
    guard prompt == nil || prompts == nil else {
      throw ValidationError("--prompt and --prompts do not go together")
    }
    if prompts == nil, options.takesTurns {
      throw ValidationError("Several adapters are for generate --prompts, evaluate and predict")
    }
    guard (prompts == nil) == (output == nil) else {
      throw ValidationError("--prompts and --output go together")
    }
    guard prompts != nil || batchSize == nil && !ids else {
      throw ValidationError("--batch-size and --ids are for --prompts")
    }
    try check("--batch-size", batchSize, in: 1...1 << 16)
    try check("--max-tokens", maxTokens, in: 1...Int.max)
    try check("--beams", beams, in: 1...256)
    guard lengthPenalty.isFinite else { throw ValidationError("--length-penalty must be a number") }
    guard beams > 1 || lengthPenalty == 1 && !earlyStopping else {
      throw ValidationError("--length-penalty and --early-stopping are for --beams above 1")
    }
    guard beams == 1 || choice.takesLikeliest else {
      throw ValidationError("--beams searches, and --temperature, --top-k and --top-p draw")
    }
  }

  var sampling: Sampling { choice.sampling }

  /// nil where tokens are chosen one by one.
  var search: BeamSearch? {
    beams == 1 ? nil : BeamSearch(beams: beams, lengthPenalty: lengthPenalty, stopsEarly: earlyStopping)
  }

  func modelSettings() throws -> ModelSettings {
    let given = CommandSettings(settings, of: "generate", paths: Launch.paths)
    let settings = ModelSettings(given.top)
    try given.finish()
    return settings
  }

  func run() throws {
    if let prompts, let output {
      try onRanks { ranks in
        try GenerateFile(command: self, prompts: prompts, output: output, ranks: ranks).run()
      }
    } else if let prompt, grounding.index != nil {
      try onRanks { try answer(prompt, from: $0) }
    } else if let prompt, Launch.isFirst {
      try StartCheck.processor()
      try answer(prompt)
    }
  }

  /// Prints the answer to a question from passages, and where these are from. Collective.
  private func answer(_ question: String, from ranks: Ranks) throws {
    let settings = try ranks.together {
      let settings = try modelSettings()
      if ranks.isFirst { try grounding.checkFiles() }
      try TrainedModel.description(folder: options.model, adapter: options.adapter, settings)
        .checkMakesTexts()
      return settings
    }
    guard let grounding = try Grounding(grounding, threads: options.threads, ranks) else { return }
    // The first rank answers; others have helped to search.
    let model = try ranks.together {
      ranks.isFirst
        ? try TrainedModel(
          folder: options.model, adapter: options.adapter, settings: settings,
          threads: options.threads ?? settings.parallel.threads ?? max(Launch.allowedCores, 1)) : nil
    }
    let grounded = try grounding.questions([Array(question.utf8)]) {
      model?.hasRoom(for: $0, maxTokens) ?? true
    }
    try ranks.together {
      guard ranks.isFirst, let model, let asked = grounded.first else { return }
      if asked.isAnswerable {
        try write(model, String(decoding: asked.prompt, as: UTF8.self), showsPrompt: false)
      } else {
        print(GroundingOptions.noAnswer)
      }
      fflush(nil)
      try StandardStream.output.writeAll(asked.sourceLines)
    }
  }

  /// Prints a prompt and its continuation as it comes.
  private func answer(_ prompt: String) throws {
    let settings = try modelSettings()
    let threads = options.threads ?? settings.parallel.threads
    if let threads, let warning = Launch.warning(threads: threads, allowed: [Launch.allowedCores]) {
      Command.tell("note: " + warning)
    }
    try TrainedModel.description(folder: options.model, adapter: options.adapter, settings).checkMakesTexts()
    let model = try TrainedModel(
      folder: options.model, adapter: options.adapter, settings: settings,
      threads: threads ?? max(Launch.allowedCores, 1))
    for note in model.replica.description.notes { Command.tell("note: " + note) }
    try write(model, prompt, showsPrompt: true)
  }

  /// - Parameter showsPrompt: whether the prompt stands before what continues it.
  private func write(_ model: TrainedModel, _ prompt: String, showsPrompt: Bool) throws {
    var decoder = StreamingDecoder(model.tokenizer, skipSpecialTokens: true)
    func write(_ text: String) throws { try StandardStream.output.writeAll(text) }
    let tokens = model.tokenizer.encode(prompt, addSpecialTokens: true)
    try model.replica.description.check(prompt: tokens, at: "--prompt", code: .usage)
    // The prompt passes through the decoder too: without it, the first new piece would lose the space before it. The
    // answer to a source begins anew.
    if model.replica.description.answerStart == nil {
      let text = tokens.map { decoder.append($0) }.joined()
      if showsPrompt { try write(text) }
    }
    // The line ends in any case, so that an error has a line of its own.
    let outcome = Result {
      let prompts = [Generator.Prompt(tokens, sample: 0)]
      if let search {
        return try model.replica.generator.run(prompts, search: search, maximum: maxTokens) { _, answer in
          try write(answer.map { decoder.append($0) }.joined())
        }
      }
      try model.replica.generator.run(prompts, maximum: maxTokens, sampling: sampling) { _, token in
        try write(decoder.append(token))
        return true
      }
    }
    try write(decoder.finish() + "\n")
    try outcome.get()
  }
}
