// Who watches a run of `swiftdp train`.
import Base
import Collectives
import Foundation
import Recipes
import Reports
import Training

enum RunObservers {
  static func all(_ recipe: Recipe, _ console: Console) -> [any Observer] {
    let output = recipe.output
    let history = RunHistory(
      output: output, command: CommandLine.arguments, facts: facts, note: console.warned)
    return [console, MetricsLog(output: output, note: console.warned), SummaryFile(output: output), history]
      + recipe.training.reportTo.map {
        $0.observer(output: output, host: Ranks.hostName, note: console.warned)
      }
  }

  /// The machine of the first rank, and versions.
  private static var facts: [(String, JSON)] {
    [
      ("host", .string(Ranks.hostName)), ("processor", .string(ProcessorType.current.words)),
      ("system", .string(ProcessInfo.processInfo.operatingSystemVersionString)),
      ("memory", .string(gigabytes(Double(ProcessInfo.processInfo.physicalMemory)))),
      ("mpi", .string(Ranks.libraryVersion)), ("launcher", launcher.map { .string($0) } ?? .null),
      ("version", .string(Command.configuration.version)),
    ]
  }

  /// The command of mpirun; nil without one, or where it cannot be seen.
  private static var launcher: String? {
    guard let process = Launch.launcher,
      let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline")
    else { return nil }
    return typed(bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
  }
}
