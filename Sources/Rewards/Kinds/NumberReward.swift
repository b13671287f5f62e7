// number: 1 where the answer's number is the reference's; else 0.
import Base

/// The number behind the last `####`, or else the last one: the strict and the flexible match of GSM8K.
package struct NumberReward: Reward {
  package static let name = "number"
  package init(_ section: Section) {}

  package func callAsFunction(_ answer: RewardedAnswer) -> Double {
    guard let expected = answer.reference.flatMap({ TextNumber.answer(in: $0) }),
      let given = TextNumber.answer(in: answer.completion)
    else { return 0 }
    return given.equals(expected.value) ? 1 : 0
  }
}
