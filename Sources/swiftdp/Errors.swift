// swiftdp errors
import ArgumentParser
import Base
import Checkpoints
import Evaluation

struct Errors: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a model gets wrong in benchmarks, and where two models differ.",
    discussion: """
      Example: swiftdp errors results/mine
      Example: swiftdp errors results/mine results/base --html mistakes.html
      A folder is the output of swiftdp evaluate --tasks, or of lm-evaluation-harness with --log_samples. The report has
      accuracy by task, subject, length, right choice and question word, the most confident mistakes, confusion,
      calibration, and with a second folder what only one of both gets right, with McNemar's test.
      """)

  @Argument(help: "A folder with samples_TASK.jsonl.", transform: Launch.path)
  var results: String
  @Argument(help: "Another folder, of the same tasks.", transform: Launch.path)
  var other: String?
  @Option(help: "The page to write; there must be none yet.", transform: Launch.path)
  var html: String?
  @Option(help: "Rows of a kind that are shown, at most.")
  var top = 10

  func validate() throws { try check("--top", top, in: 1...10_000) }

  func run() throws {
    let problems = Problems()
    let file = problems.collect { try html.map { try NewFile($0, at: "--html") } } ?? nil
    let run = problems.collect { try JudgedRows(folder: results) }
    let second = problems.collect { try other.map { try JudgedRows(folder: $0) } } ?? nil
    try problems.throwIfAny()
    guard let run else { preconditionFailure("an error was collected") }
    let analysis = ErrorAnalysis(run, with: second, most: top)
    try file?.write(Array(analysis.page.utf8))
    print(analysis.text)
  }
}
