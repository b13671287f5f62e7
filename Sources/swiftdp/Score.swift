// swiftdp score
import ArgumentParser
import Objectives

struct Score: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Write what a reward model gives for the answer of each row.",
    discussion: """
      Example: mpirun -np 4 swiftdp score --model runs/reward/model --data answers.jsonl --output scored.jsonl
      A row is {"prompt", "completion"}, {"messages"}, {"text"}, or {"prompt", "chosen", "rejected"}; each is written as JSON
      with "score", a number, or a list of numbers where the row has several answers. Scores are those of transformers'
      …ForSequenceClassification with one label, and of TRL.
      """)

  @OptionGroup var output: RowOutput

  func run() throws {
    try onRanks { try output.write(by: "score", for: RewardModel(), keepsMeant: false, $0) }
  }
}
