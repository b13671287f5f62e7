// A micro-batch that two ranks computed differently, and a message that says which of them was wrong.
import Base
import Collectives

package struct AuditFinding: Error {
  package let step: Int
  package let number: Int
  package let owner: Int
  package let checker: Int
  /// Their results: a checksum for each of `names`, then the loss.
  package let first: [UInt64]
  package let second: [UInt64]
  /// For each rank, the result of computing it once more.
  package let again: [[UInt64]]
  package let hosts: [String]
  /// The trained parameters, in the order in which backward finishes them.
  package let names: [String]

  package init(
    step: Int, number: Int, owner: Int, checker: Int, first: [UInt64], second: [UInt64], again: [[UInt64]],
    hosts: [String], names: [String]
  ) {
    self.step = step
    self.number = number
    self.owner = owner
    self.checker = checker
    self.first = first
    self.second = second
    self.again = again
    self.hosts = hosts
    self.names = names
  }

  /// The result that more than half of the ranks came to.
  private var right: [UInt64]? {
    again.first { one in 2 * again.count { $0 == one } > again.count }
  }

  /// Ranks whose result differs from that of the majority; nil if there is no majority.
  package var wrong: [Int]? {
    guard let right else { return nil }
    return again.indices.filter { rank in
      again[rank] != right || rank == owner && first != right || rank == checker && second != right
    }
  }

  private func name(_ rank: Int) -> String { "rank \(rank) on \(hosts[rank])" }

  private var difference: String {
    let differs = first.last != second.last
    guard let place = names.indices.first(where: { first[$0] != second[$0] }) else { return "in the loss" }
    return "first in the gradient of \(names[place]) and \(differs ? "" : "not ")in the loss"
  }

  private var verdict: String {
    guard let wrong, let right else {
      var groups: [(result: [UInt64], ranks: [Int])] = []
      for (rank, result) in again.enumerated() {
        if let known = groups.firstIndex(where: { $0.result == result }) {
          groups[known].ranks.append(rank)
        } else {
          groups.append((result, [rank]))
        }
      }
      let sides = groups.map { list($0.ranks) }
      return "when all compute it once more, no majority agrees: \(sides.joined(separator: " against "))"
    }
    if again.count == 1 { return "alone, it cannot say which is right" }
    let names = wrong.map(name).joined(separator: ", ")
    let mended = wrong.filter { again[$0] == right }
    let passing =
      mended.count == wrong.count ? ", and this time right: a passing fault" : ""
    return
      "all \(again.count) ranks computed it once more: \(names) \(wrong.count > 1 ? "were" : "was") wrong\(passing)"
  }

  private func list(_ ranks: [Int]) -> String {
    (ranks.count == 1 ? "rank " : "ranks ") + ranks.map(String.init).joined(separator: ", ")
  }

  /// The ranks that are suspected.
  private var suspects: [Int] { wrong ?? (owner == checker ? [owner] : [owner, checker]) }

  package var error: UserError {
    let who =
      owner == checker
      ? "\(name(owner)) got two results" : "\(name(owner)) and \(name(checker)) got different results"
    var places: [String] = []
    for rank in suspects where !places.contains(hosts[rank]) { places.append(hosts[rank]) }
    return UserError(
      .tryAgain, "\(who), \(difference); \(verdict)", at: "audit of step \(step), micro-batch \(number)",
      hint: "nothing of the step was applied: test processor and memory of "
        + "\(places.joined(separator: " and ")), and start again to go on from the last checkpoint")
  }

  /// The entries for failure.json: the same keys as if a rank died, and each rank's result.
  package var report: JSON {
    let ranks = hosts.indices.map { rank in
      JSON.object([
        "rank": .integer(rank), "host": .string(hosts[rank]), "phase": .string("audit"),
        "was_right": wrong.map { .bool(!$0.contains(rank)) } ?? .null,
      ])
    }
    return .object([
      "time": .string(FailureFile.now), "kind": .string("audit"), "message": .string(error.description),
      "step": .integer(step), "micro_batch": .integer(number),
      "failed": .array(suspects.map { .integer($0) }), "host": .string(hosts[suspects[0]]), "signal": .null,
      "ranks": .array(ranks),
    ])
  }
}
