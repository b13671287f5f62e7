// swiftdp bench all
import ArgumentParser
import Base
import Foundation

struct BenchAll: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "all",
    abstract: "Figures of every path, as shares of this machine's limits, beside those of an earlier run.",
    discussion: """
      Starts its own ranks with mpirun, one bench after the other: some ten minutes on two cores.
      Example: swiftdp bench all --output before.json; then, with another version: swiftdp bench all --against before.json
      The exit code is 1 if a figure is more than 5 % lower than in that file; such a bench runs a second time first.
      """)

  @Option(help: "Ranks of one thread each; one for each core by default.")
  var ranks: Int?
  @Option(parsing: .upToNextOption, help: "Only benches whose name contains one of these words.")
  var only: [String] = []
  @Option(help: "Where the figures go, as JSON.", transform: Launch.path)
  var output: String?
  @Option(help: "Figures of the same type of machine to compare with.", transform: Launch.path)
  var against: String?

  func validate() throws {
    try check("--ranks", ranks, in: 1...1024)
  }

  func run() throws {
    guard Launch.rank == nil else {
      throw UserError(.usage, "bench all starts its own ranks", hint: "run it without mpirun, with --ranks")
    }
    let ranks = ranks ?? max(Launch.allowedCores, 1)
    let old = try against.map { try BenchFigures(path: $0) }
    let folder = FileManager.default.temporaryDirectory.path + "/swiftdp-bench-\(getpid())"
    try makeFolders(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cases = BenchCase.all(ranks: ranks, folder: folder, shipped: try Shipped.folder()).filter { bench in
      only.isEmpty || only.contains { bench.name.contains($0) }
    }
    guard !cases.isEmpty else {
      throw UserError(.usage, "no bench has such a name", at: "--only", hint: "such as model, gpt2, kernels")
    }
    let machine = BenchFigures.Machine(processor: ProcessorType.current.words, ranks: ranks)
    if let old, let against { try old.check(machine, path: against) }
    print(machine.words)
    var all: [BenchFigure] = []
    var losses = 0
    for bench in cases {
      var figures = try measure(bench, ranks: ranks, errors: folder + "/errors")
      if let old, let against {
        var changes = try BenchFigures(machine, figures).changes(since: old, path: against)
        if changes.contains(where: \.isLoss) {
          // Something else may have run meanwhile: the better of two counts.
          figures = zip(figures, try measure(bench, ranks: ranks, errors: folder + "/errors")).map {
            $0.value >= $1.value ? $0 : $1
          }
          changes = try BenchFigures(machine, figures).changes(since: old, path: against)
        }
        losses += changes.count(where: \.isLoss)
        show(figures, changes)
      } else {
        show(figures, [])
      }
      all += figures
    }
    if let output {
      do {
        try Data((BenchFigures(machine, all).json.encoded() + "\n").utf8).write(
          to: URL(fileURLWithPath: output))
      } catch { throw UserError.disk("cannot be written", output) }
    }
    guard losses == 0 else {
      print(
        "\(counted(losses, "figure")) more than \(Int(BenchFigures.allowedLoss * 100)) % lower than in \(against ?? "")"
      )
      throw ArgumentParser.ExitCode.failure
    }
  }

  private func show(_ figures: [BenchFigure], _ changes: [BenchFigures.Change]) {
    for figure in figures {
      let change = changes.first { $0.figure.name == figure.name }
      let words =
        change.map { "  \(decimals($0.ratio, 2)) of \($0.before.words)\($0.isLoss ? "  LOSS" : "")" } ?? ""
      print("\(cell(figure.name, width: 64))\(figure.words)\(words)")
    }
    fflush(nil)
  }

  /// Runs one bench in processes of its own.
  /// - Throws: `UserError` with its first word about what went wrong.
  private func measure(_ bench: BenchCase, ranks: Int, errors: String) throws -> [BenchFigure] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let own = [Shipped.binary.path, "bench"] + bench.words + ["--json"]
    process.arguments = bench.isOnRanks ? ["mpirun", "-np", "\(ranks)", "--bind-to", "core"] + own : own
    let output = Pipe()
    process.standardOutput = output
    guard FileManager.default.createFile(atPath: errors, contents: nil) else {
      throw UserError.disk("cannot be written", errors)
    }
    process.standardError = FileHandle(forWritingAtPath: errors)
    do { try process.run() } catch {
      throw UserError(.usage, "mpirun cannot be started: \(error)", at: bench.name)
    }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let words = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
    guard process.terminationStatus == 0, let json = try? JSON.parse(Array(bytes)) else {
      // mpirun puts its words between rules.
      let first = words.split(separator: "\n").first { $0.contains(where: \.isLetter) }
      throw UserError(
        .software, "bench \(bench.words.joined(separator: " ")) failed: \(first ?? "it printed no figures")")
    }
    let figures = bench.figures(json)
    guard !figures.isEmpty else {
      throw UserError(.software, "bench \(bench.words.joined(separator: " ")) printed no figures")
    }
    return figures
  }
}
