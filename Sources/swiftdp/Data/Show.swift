// swiftdp data show
import ArgumentParser
import Base
import Datasets
import Inspection
import Training

extension ShownText.Coloring: ExpressibleByArgument {}

extension DataCommand {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show the first sequences of a recipe's data as the model reads them, and what of them is learned.",
      discussion: """
        Takes a recipe and settings as train does, and reads all data as train does. Without a terminal, or with NO_COLOR
        in the environment, marks stand in the place of colours. Example: swiftdp data show run.yaml --rows 3 --by role
        """)

    @Option(help: "How many sequences.")
    var rows = 5
    @Option(help: "What colours tell: loss, document or role.")
    var by = ShownText.Coloring.loss
    @Flag(help: "One JSON object a line instead: every token with its id, text, target, document and role.")
    var json = false
    @Option(help: "Which task of a recipe with several.")
    var task: String?
    @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
    var recipeAndSettings: [String] = []

    func validate() throws { try check("--rows", rows, in: 1...1_000_000) }

    func run() throws {
      let read = try RecipeData(recipeAndSettings, task: task)
      let data = try read.data.get()
      let sequences = try ShownSequence.first(rows, of: data.dataset, read.tokenizer)
      if json {
        for sequence in sequences { try StandardStream.output.writeAll(sequence.json.encoded() + "\n") }
        return
      }
      let shown = ShownText(Launch.takesColors ? by : nil)
      try StandardStream.output.writeAll(shown.legend + "\n\n")
      for (number, sequence) in sequences.enumerated() {
        try StandardStream.output.writeAll(shown.text(sequence, number: number + 1) + "\n\n")
      }
    }
  }
}
