// swiftdp predict
import ArgumentParser

struct Predict: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Write what a model predicts for each row of a file.",
    discussion: """
      Example: mpirun -np 4 swiftdp predict --model runs/reviews/model --data new.jsonl --output predictions.jsonl
      Each row of the data is written as JSON with what the model's task gives: "label" and "scores" of a classifier,
      "labels" of each word or of several labels, "score" of a number. What a row has already under that name stands
      there as "gold". Settings say where the columns are: 'data.columns={text: 0}'
      With several --adapter NAME=FOLDER, each row says which is for it: {"text": …, "adapter": "NAME"}; without that the
      model itself is.
      """)

  @OptionGroup var output: RowOutput

  func run() throws {
    try onRanks { try output.write(by: "predict", $0) }
  }
}
