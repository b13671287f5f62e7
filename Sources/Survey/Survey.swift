// launch/survey: trains every method on the same bases and data, and compares them.
import ArgumentParser
import Base
import Foundation

/// Without a subcommand, the program compares methods.
@main
struct SurveyProgram: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "survey", abstract: "Train on the same data in many ways, and compare.",
    subcommands: [Survey.self, Sequential.self], defaultSubcommand: Survey.self)
}

struct Survey: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods",
    abstract: "Train every method on the same base and data, and compare what they reach and cost.",
    discussion: """
      Methods that OUTPUT has results of are not trained again. The tables go to docs/methods.md, plots and claims
      to docs/survey.html.
      """)

  @OptionGroup var given: Materials
  @Option(help: "A folder for runs, logs and results.")
  var output = "runs/survey"
  @Option(help: "Optimizer steps of each run; docs stay as they are.")
  var steps: Int?
  @Option(parsing: .upToNextOption, help: "Only these tasks: answers, sentences, names.")
  var tasks: [String] = []
  @Option(parsing: .upToNextOption, help: "Only methods whose names begin so; docs stay as they are.")
  var methods: [String] = []

  func run() throws {
    let commands = try given.commands(in: output)
    var asked = try surveyed().filter { tasks.isEmpty || tasks.contains($0.name) }
    if let steps { for index in asked.indices { asked[index].steps = steps } }
    guard !asked.isEmpty else { throw ValidationError("--tasks names none of answers, sentences, names") }
    let begin = Date()
    let results = try asked.map { try measure($0, commands) }
    say("all rows measured in \(seconds(Date().timeIntervalSince(begin)))")
    guard methods.isEmpty, tasks.isEmpty, steps == nil else { return }
    try write(results.map(\.markdown).joined(separator: "\n"), into: "docs/methods.md")
    try Page(results: results, machine: try machine(commands)).html.write(
      toFile: "docs/survey.html", atomically: true, encoding: .utf8)
    say("tables in docs/methods.md, plots and claims in docs/survey.html")
    if results.contains(where: { !$0.failures.isEmpty }) { throw ExitCode.failure }
  }

  /// The tasks whose data is there.
  private func surveyed() throws -> [SurveyTask] {
    let decoder = SurveyTask.answers(
      base: given.base, train: given.data, heldOut: given.heldOut, general: given.general)
    guard given.hasEncoder else {
      say(
        "\(given.encoder) is not there: the tasks of encoders are left out (--encoder, --sentences, --names)")
      return [decoder]
    }
    return [
      decoder,
      .sentences(
        base: given.encoder, train: given.sentences + "/train.tsv", heldOut: given.sentences + "/dev.tsv",
        general: given.facts),
      .names(
        base: given.encoder, train: given.names + "/wnut17train.conll",
        heldOut: given.names + "/emerging.dev.conll", general: given.facts),
    ]
  }

  /// Trains what `OUTPUT/TASK.jsonl` has no row of, and adds it there.
  private func measure(_ task: SurveyTask, _ commands: Commands) throws -> TaskResult {
    let file = "\(output)/\(task.name).jsonl"
    let known = try FileManager.default.fileExists(atPath: file) ? Self.rows(file) : []
    var rows: [RowResult] = []
    var failures: [(method: String, reason: String)] = []
    var before: Double?
    for method in SurveyMethod.all where methods.isEmpty || methods.contains(where: method.name.hasPrefix) {
      guard let rate = method.rate(task) else { continue }
      if let row = known.first(where: { $0.method == method.name }) {
        rows.append(row)
        continue
      }
      let general =
        try before ?? task.generalLoss(of: TrainedFolder(base: task.model), commands, log: task.name)
      before = general
      do {
        let row = try RowRun(task: task, method: method, commands: commands, output: "\(output)/run")
          .result(generalBefore: general, rate: rate)
        rows.append(row)
        try Self.append(row.json.encoded() + "\n", to: file)
        say(
          "\(cell(task.name, width: 11))\(cell(method.name, width: 26))\(percent(row.quality)) in \(seconds(row.trainingSeconds))"
        )
      } catch let error as Commands.Failed {
        failures.append((method.name, error.description))
        say("\(cell(task.name, width: 11))\(method.name) failed: \(error)")
      }
    }
    let absent = SurveyMethod.all.filter { $0.rate(task) == nil }.map { $0.name }
    return TaskResult(task: task, rows: rows, failures: failures, absent: absent)
  }

  private static func rows(_ file: String) throws -> [RowResult] {
    try Data(contentsOf: URL(fileURLWithPath: file)).split(separator: UInt8(ascii: "\n")).compactMap {
      RowResult(try JSON.parse(Array($0)))
    }
  }

  static func append(_ line: String, to file: String) throws {
    let isThere = FileManager.default.fileExists(atPath: file)
    guard isThere || FileManager.default.createFile(atPath: file, contents: nil),
      let handle = FileHandle(forWritingAtPath: file)
    else {
      throw ValidationError("\(file) cannot be written")
    }
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(line.utf8))
    try handle.close()
  }

  private func machine(_ commands: Commands) throws -> String {
    let processor = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(separator: "\n").first
    {
      $0.hasPrefix("model name")
    }.map { $0.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces) }
    return
      "These are \(commands.ranks) ranks of one thread on \(ProcessInfo.processInfo.activeProcessorCount) cores "
      + "(\(processor ?? "a processor that does not tell its name"))."
  }

}

func say(_ text: String) { StandardStream.output.write(text + "\n") }
