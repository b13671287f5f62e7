// How long each rank took, for those who look for a slow one.
import Collectives

package struct RankSeconds: Sendable, Equatable {
  /// From the beginning of a step to its end.
  package var step: Double
  /// The part in which the rank computed nothing, but exchanged gradients and weights or waited for others.
  package var exchange: Double

  package init(step: Double = 0, exchange: Double = 0) { (self.step, self.exchange) = (step, exchange) }

  package var computing: Double { step - exchange }

  mutating func add(_ report: StepReport) {
    step += report.seconds
    exchange += report.exchangeSeconds
  }

  /// Those of all ranks, by rank. Collective.
  func gathered(_ ranks: Ranks) -> [RankSeconds] {
    ranks.gather([step, exchange]).map { RankSeconds(step: $0[0], exchange: $0[1]) }
  }
}
