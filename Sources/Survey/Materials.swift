// What every comparison is made with: the program, models, data and ranks.
import ArgumentParser
import Foundation

struct Materials: ParsableArguments {
  @Option(help: "The program to measure.")
  var swiftdp = ".build/release/swiftdp"
  @Option(help: "The decoder.")
  var base = "Sources/swiftdp/Shipped/base"
  @Option(help: "Prompts with completions for the decoder.")
  var data = "Sources/swiftdp/Shipped/tasks.jsonl"
  @Option(help: "Prompts with completions that it is asked afterwards.")
  var heldOut = "Sources/swiftdp/Shipped/held-out.jsonl"
  @Option(help: "A text that nothing is trained on, to see what the decoder forgets.")
  var general = "Sources/Survey/sonnets.txt"
  @Option(help: "Rows of questions and answers for the encoder, to see what it forgets.")
  var facts = "Sources/Survey/facts.jsonl"
  @Option(help: "The encoder; what it does is left out if there is no such folder.")
  var encoder = "../shared/data/all-MiniLM-L6-v2"
  @Option(help: "Tables of sentences with labels 0 and 1, for training and afterwards: train.tsv, dev.tsv.")
  var sentences = "../shared/data/classification/sst2"
  @Option(help: "CoNLL files of names, for training and afterwards: wnut17train.conll, emerging.dev.conll.")
  var names = "../shared/data/ner/wnut17"
  @Option(help: "Ranks of each run, one for each core by default.")
  var ranks: Int?

  var hasEncoder: Bool { FileManager.default.fileExists(atPath: encoder + "/config.json") }

  /// The commands of a comparison, whose words go to a folder beside its results.
  func commands(in output: String) throws -> Commands {
    let commands = Commands(
      swiftdp: swiftdp, ranks: ranks ?? ProcessInfo.processInfo.activeProcessorCount, logs: output + "/logs")
    try FileManager.default.createDirectory(atPath: commands.logs, withIntermediateDirectories: true)
    return commands
  }
}
