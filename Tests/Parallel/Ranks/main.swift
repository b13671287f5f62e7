// Checks that the tests run on several ranks: one check per call, started by mpirun. Prints how many cases agreed.
import Base
import Collectives
import Foundation
import Kernels

/// Counts cases, and reports on standard error those that do not hold.
struct Outcome {
  let ranks: Ranks
  private(set) var cases = 0
  private(set) var faults = 0

  mutating func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
    cases += 1
    if holds { return }
    faults += 1
    FileHandle.standardError.write(Data("rank \(ranks.rank): \(what())\n".utf8))
  }
}

let ranks = try Ranks.start()
var outcome = Outcome(ranks: ranks)
let check = CommandLine.arguments.dropFirst().first ?? ""
let folder = CommandLine.arguments.dropFirst(2).first ?? ""
switch check {
case "sums": try checkSums(&outcome)
case "targets": try checkUnequalTargets(&outcome, model: folder)
case "empty": try checkEmptyParts(&outcome, model: folder)
case "clipping": try checkClipping(&outcome, model: folder)
case "validation": try checkValidation(&outcome, model: folder)
case "allocations": try checkAllocations(&outcome, model: folder)
case "suite":
  let numbers = CommandLine.arguments.dropFirst(3).compactMap { Int($0) }
  try checkSuite(&outcome, project: folder, part: numbers[0], of: numbers[1])
case "shared-weights": try checkSharedWeights(&outcome, model: folder)
case "context": try checkContext(&outcome, fixtures: folder)
case "frozen-allocations": try checkFrozenAllocations(&outcome)
case "stopped-alone":
  // One rank stops, and the others wait for it.
  if ranks.rank == ranks.count - 1 { ranks.finish(after: .data) }
default: outcome.expect(false, "there is no check \(check)")
}
// Every rank has checked its own part.
let cases = ranks.gather(outcome.cases)
let faults = ranks.sum(outcome.faults)
if ranks.isFirst { print("\(check): \(ranks.count) ranks, \(cases.min()!) cases, \(faults) faults") }
ranks.finish()
exit(faults == 0 ? 0 : 1)
