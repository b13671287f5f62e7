// The messages about ranks that disagree, from made-up results.
import Base
import Testing
import Training

@Suite struct AuditFindingTests {
  private func finding(
    first: [UInt64], second: [UInt64], again: [[UInt64]], owner: Int = 1, checker: Int = 2
  ) -> AuditFinding {
    AuditFinding(
      step: 12, number: 5, owner: owner, checker: checker, first: first, second: second, again: again,
      hosts: again.indices.map { "node\($0 / 2)" }, names: ["head", "block", "embedding"])
  }

  private let right: [UInt64] = [1, 2, 3, 4]

  @Test func theMajoritySaysWhoWasWrong() {
    let wrong: [UInt64] = [1, 9, 9, 4]
    // A third rank may be at fault too.
    let cases: [([UInt64], [UInt64], [[UInt64]], [Int]?)] = [
      (right, wrong, [right, right, wrong], [2]), (wrong, right, [right, wrong, right], [1]),
      (wrong, right, [right, right, right], [1]), (right, wrong, [right, right, right], [2]),
      (right, wrong, [wrong, right, right], [0, 2]), (wrong, [7, 7, 7, 7], [right, right, right], [1, 2]),
      (right, wrong, [right, right, wrong, wrong], nil), (right, wrong, [right, wrong, [0, 0, 0, 0]], nil),
    ]
    for (first, second, again, expected) in cases {
      #expect(finding(first: first, second: second, again: again).wrong == expected, "\(again)")
    }
    #expect(cases.count == 8)
  }

  @Test func words() {
    let error = finding(first: right, second: [1, 9, 9, 4], again: [right, right, [1, 9, 9, 4]]).error
    #expect(error.code == .tryAgain)
    #expect(
      error.description
        == "audit of step 12, micro-batch 5: rank 1 on node0 and rank 2 on node1 got different results, first in "
        + "the gradient of block and not in the loss; all 3 ranks computed it once more: rank 2 on node1 was wrong "
        + "(nothing of the step was applied: test processor and memory of node1, and start again to go on from "
        + "the last checkpoint)")
    // The weights of one of two hosts differ.
    let other: [UInt64] = [1, 2, 3, 5]
    let split = finding(first: right, second: other, again: [right, right, other, other]).error.description
    #expect(
      split.contains(
        ", in the loss; when all compute it once more, no majority agrees: ranks 0, 1 against ranks 2, 3 (nothing "
          + "of the step was applied: test processor and memory of node0 and node1, and "), "\(split)")
    let passing = finding(first: right, second: other, again: [other, other, other]).error.description
    #expect(
      passing.contains(": rank 1 on node0 was wrong, and this time right: a passing fault ("), "\(passing)")
  }
}
