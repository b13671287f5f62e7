// Ranks that go wrong: a library that is loaded into them, from Tests/Parallel/Faults.
import Foundation

/// What happens to one rank.
struct RankFault {
  var rank: Int
  /// See Tests/Parallel/Faults.
  var what: String

  /// Options of mpirun that cause it.
  var options: [String] {
    [
      "-x", "LD_PRELOAD=" + Command.built("libRankFaults.so"), "-x", "FAULT=" + what, "-x",
      "FAULT_RANK=\(rank)",
    ]
  }
}

extension Command {
  /// swiftdp with a fault on one of its ranks.
  static func swiftdp(
    _ arguments: [String], ranks: Int, fault: RankFault, in folder: Workspace
  ) throws -> CommandResult {
    try run(
      ["mpirun", "-np", "\(ranks)", "--bind-to", "none"] + fault.options + [binary] + arguments, in: folder)
  }
}
