// swiftdp make-tasks
import ArgumentParser
import Base
import Foundation
import Tasks

struct MakeTasks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write small tasks with checkable answers as JSONL, like those that ship with swiftdp.",
    discussion: """
      Rows are {"prompt": …, "completion": …}. No prompt of the held-out part is ever in the training part,
      whatever the seeds. Example: swiftdp make-tasks --count 12000 --seed 1 tasks.jsonl
      With --kind pairs they are {"prompt": …, "chosen": …, "rejected": …}: what is rejected is the answer to another question.
      With --kind translations they are {"source": …, "target": …}: numbers and dates in words and in figures.
      """)

  enum Part: String, ExpressibleByArgument, CaseIterable {
    case train
    case heldOut = "held-out"
  }

  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case questions
    case pairs
    case translations
  }

  @Option(help: "questions, pairs or translations.")
  var kind = Kind.questions
  @Option(help: "How many rows to write.")
  var count = 1000
  @Option(help: "Other seeds give other rows.")
  var seed = 0
  @Option(help: "train or held-out.")
  var part = Part.train
  @Argument(help: "The file to write.", transform: Launch.path)
  var file: String

  func validate() throws {
    try check("--count", count, in: 0...Int.max)
    try check("--seed", seed, in: 0...Int.max)
  }

  func run() throws {
    let tasks = kind == .translations ? TaskCatalogue.translations : TaskCatalogue.all
    let rows = try TaskGenerator(seed: UInt64(seed), tasks: tasks).rows(
      count: count, part: part == .train ? .train : .heldOut)
    var written = rows.count
    switch kind {
    case .questions: try TaskGenerator.write(rows, to: file)
    case .pairs: written = try TaskGenerator.writePairs(rows, to: file)
    case .translations: try TaskGenerator.writeTranslations(rows, to: file)
    }
    print("\(file): \(written) rows of \(tasks.count) kinds")
  }
}
