// swiftdp report
import ArgumentParser
import Base
import Foundation
import Reports

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a page about a run, or about several beside each other.",
    discussion: """
      One HTML file that needs nothing else: what was run, curves, ranks, checkpoints, failures, data and answers. It
      reads the files of the output folders only, so that a run may still be under way, on any host.
      Example: swiftdp report runs/a runs/b --output comparison.html
      """)

  @Argument(help: "Output folders of runs.", transform: Launch.path)
  var folders: [String]
  @Option(
    help: "The file to write; report.html in the first folder by default. One that is there is replaced.",
    transform: Launch.path)
  var output: String?

  /// The most runs that lines can be told apart of.
  private static let mostRuns = 12

  func validate() throws {
    if folders.count > Self.mostRuns { throw ValidationError("at most \(Self.mostRuns) runs are compared") }
  }

  func run() throws {
    let problems = Problems()
    let runs = folders.compactMap { folder in problems.collect { try RunFolder(folder) } }
    try problems.throwIfAny()
    let path = output ?? runs[0].path + "/report.html"
    do {
      try Data(ReportPage(runs, time: Date()).html.utf8).write(
        to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw UserError(
        .disk, "cannot be written: \(systemReason(error))", at: path, hint: "give --output FILE")
    }
    try StandardStream.output.writeAll(path + "\n")
  }
}
