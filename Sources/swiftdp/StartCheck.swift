// What must hold before any numeric code runs: this processor has every instruction set that the code was compiled
// for, and all ranks run the same program.
import Base
import CProcess
import Collectives
import Kernels

enum StartCheck {
  /// - Parameter rank: the name of the rank, such as `rank 3 on node7`; nil for a single process.
  /// - Throws: one line to read instead of a SIGILL.
  static func processor(of rank: String? = nil) throws {
    let missing = builtInstructionSets().missing(in: .offered).names
    guard !missing.isEmpty else { return }
    throw UserError(
      .usage,
      "\(rank ?? "this processor") lacks \(missing.joined(separator: ", ")), which this swiftdp was built for",
      hint: "build it on the oldest processor of all, or with SWIFTDP_MARCH=x86-64-v3 (or v2)")
  }

  /// One rank reports if some ranks cannot run this program, or run another one. Collective.
  static func ranks(_ ranks: Ranks) throws {
    try ranks.together { try processor(of: name(ranks)) }
    let builds = ranks.gather(Int(bitPattern: UInt(swiftdp_build_id())))
    try ranks.together {
      guard builds[ranks.rank] != builds[0] else { return }
      throw UserError(
        .usage, "runs another build of swiftdp than rank 0", at: name(ranks),
        hint: "start the same file on all hosts")
    }
  }

  private static func name(_ ranks: Ranks) -> String { "rank \(ranks.rank) on \(Ranks.hostName)" }
}
