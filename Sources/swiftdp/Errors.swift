// swiftdp errors
import ArgumentParser
import Base
import Checkpoints
import Collectives
import Evaluation
import Retrieval
import Training

struct Errors: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Show what a model gets wrong in benchmarks, and where two models differ.",
    discussion: """
      Example: swiftdp errors results/mine
      Example: swiftdp errors results/mine results/base --html mistakes.html
      Example: mpirun -np 4 swiftdp errors results/mine --model all-MiniLM-L6-v2
      A folder is the output of swiftdp evaluate --tasks, or of lm-evaluation-harness with --log_samples. The report has
      accuracy by task, subject, length, right choice and question word, the most confident mistakes, confusion,
      calibration, and with a second folder what only one of both gets right, with McNemar's test. Mistakes that are
      alike stand together: by their words, or with --model by the vectors that an encoder makes of them.
      """)

  @Argument(help: "A folder with samples_TASK.jsonl.", transform: Launch.path)
  var results: String
  @Argument(help: "Another folder, of the same tasks.", transform: Launch.path)
  var other: String?
  @Option(
    help: "A model that makes vectors of texts: a folder of sentence-transformers, or of task=embedding.",
    transform: Launch.path)
  var model: String?
  @Option(help: "The page to write; there must be none yet.", transform: Launch.path)
  var html: String?
  @Option(help: "Rows of a kind that are shown, at most.")
  var top = 10
  @Option(help: "With --model: threads of a rank; its cores by default.")
  var threads: Int?

  /// What a question is compared by: its end, since examples may stand before it.
  private static let compared = 1000

  func validate() throws {
    try check("--top", top, in: 1...10_000)
    try check(threads: threads)
    guard threads == nil || model != nil else { throw ValidationError("--threads is for --model") }
  }

  func run() throws {
    guard let model else {
      // There is nothing to share.
      guard Launch.isFirst else { return }
      try StartCheck.processor()
      let (run, second, file) = try read { _ in }
      return try tell(ErrorAnalysis(run, with: second, most: top), file)
    }
    try onRanks { ranks in
      let (run, second, file) = try ranks.together {
        try read { problems in _ = problems.collect { try EmbeddingModel.check(model) } }
      }
      let encoder = try EmbeddingModel(
        model, threads: Launch.threads(ranks, asked: threads), ranks: ranks)
      let questions = run.mistakes.map { Array(String($0.question.suffix(Self.compared)).utf8) }
      let numbers = try EncodingRounds.run(encoder, ranks) { try $0.vectors(of: questions) } ?? []
      try ranks.together {
        guard ranks.isFirst else { return }
        let vectors = questions.indices.map {
          Array(numbers[$0 * encoder.width..<($0 + 1) * encoder.width])
        }
        try tell(ErrorAnalysis(run, with: second, vectors: vectors, most: top), file)
      }
    }
  }

  /// - Parameter check: adds what else is wrong.
  private func read(_ check: (Problems) -> Void) throws -> (JudgedRows, JudgedRows?, NewFile?) {
    let problems = Problems()
    let file =
      Launch.isFirst ? problems.collect { try html.map { try NewFile($0, at: "--html") } } ?? nil : nil
    let run = problems.collect { try JudgedRows(folder: results) }
    let second = problems.collect { try other.map { try JudgedRows(folder: $0) } } ?? nil
    check(problems)
    try problems.throwIfAny()
    guard let run else { preconditionFailure("an error was collected") }
    return (run, second, file)
  }

  private func tell(_ analysis: ErrorAnalysis, _ file: NewFile?) throws {
    try file?.write(Array(analysis.page.utf8))
    print(analysis.text)
  }
}
