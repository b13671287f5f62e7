// Options of commands in which a model writes a text: how each token is chosen.
import ArgumentParser
import Generation

struct SamplingOptions: ParsableArguments {
  @Option(help: "0 takes the likeliest token; higher values vary more.")
  var temperature = 0.0
  @Option(help: "Draw from so many likeliest tokens only.")
  var topK: Int?
  @Option(help: "Draw from the likeliest tokens that together have this probability.")
  var topP = 1.0
  @Option(help: "Of the random draws.")
  var seed = 0

  func validate() throws {
    guard temperature >= 0, temperature.isFinite else {
      throw ValidationError("--temperature must be at least 0")
    }
    try check("--top-k", topK, in: 1...Int.max)
    guard topP > 0, topP <= 1 else { throw ValidationError("--top-p must be above 0 and at most 1") }
    try check("--seed", seed, in: 0...Int.max)
  }

  /// Whether the likeliest token is taken each time.
  var takesLikeliest: Bool { temperature == 0 && topK == nil && topP == 1 }

  var sampling: Sampling {
    Sampling(temperature: temperature, topK: topK, topP: topP, seed: UInt64(seed))
  }
}
