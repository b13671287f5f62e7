// swiftdp generate
import ArgumentParser
import Base
import Foundation
import Kernels
import Tokenizers
import Training

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continue a prompt, printing the text as it comes.",
    discussion: "Example: swiftdp generate --model runs/shakespeare/model --prompt 'ROMEO:' --max-tokens 100")

  @Option(
    help: "A model folder: a Hugging Face model, a checkpoint, or OUTPUT/model of a run.",
    transform: Launch.path)
  var model: String
  @Option(help: "An adapter folder of PEFT, whose base the model is.", transform: Launch.path)
  var adapter: String?
  @Option(help: "The text to continue.")
  var prompt: String
  @Option(help: "How many tokens to make at most.")
  var maxTokens = 100
  @Option(help: "0 takes the likeliest token; higher values vary more.")
  var temperature = 0.0
  @Option(help: "Draw from the likeliest tokens that together have this probability.")
  var topP = 1.0
  @Option(help: "Of the random draws.")
  var seed = 0
  @Option(help: "Threads; as many as there are cores by default.")
  var threads: Int?

  func validate() throws {
    try check("--max-tokens", maxTokens, in: 1...Int.max)
    guard temperature >= 0, temperature.isFinite else {
      throw ValidationError("--temperature must be at least 0")
    }
    guard topP > 0, topP <= 1 else { throw ValidationError("--top-p must be above 0 and at most 1") }
    try check("--seed", seed, in: 0...Int.max)
    try check(threads: threads)
  }

  func run() throws {
    if let threads, let warning = Launch.warning(threads: threads, allowed: [Launch.allowedCores]) {
      Command.tell("note: " + warning)
    }
    let model = try TrainedModel(
      folder: model, adapter: adapter, threads: threads ?? max(Launch.allowedCores, 1))
    for note in model.replica.description.notes { Command.tell("note: " + note) }
    var decoder = StreamingDecoder(model.tokenizer, skipSpecialTokens: true)
    func write(_ text: String) throws { try StandardStream.output.writeAll(text) }
    let tokens = model.tokenizer.encode(prompt, addSpecialTokens: true)
    try model.replica.checkPrompt(tokens)
    // The prompt passes through the decoder too: without it, the first new piece would lose the space before it.
    try write(tokens.map { decoder.append($0) }.joined())
    // The line ends in any case, so that an error has a line of its own.
    let outcome = Result {
      try model.replica.generate(
        tokens, maximum: maxTokens,
        sampling: Sampling(temperature: temperature, topP: topP, seed: UInt64(seed))
      ) {
        try write(decoder.append($0))
        return true
      }
    }
    try write(decoder.finish() + "\n")
    try outcome.get()
  }
}
