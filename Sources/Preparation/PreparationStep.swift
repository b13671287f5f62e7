// The list of steps: a new one is a file in `Steps` and a line here.
import Base
import Collectives

/// What a step is told beside its own settings.
package struct StepFacts {
  package var seed: UInt64 = 0
  /// Its number among the steps; random draws of two steps differ by it.
  package var index = 0
  package init(seed: UInt64 = 0, index: Int = 0) { (self.seed, self.index) = (seed, index) }
}

package protocol PreparationStep: AnyObject {
  /// Its key in a recipe.
  static var name: String { get }
  /// Reads the settings; mistakes are collected by the section.
  init(_ section: Section, _ facts: StepFacts)
  var record: StepRecord { get }
}

/// Looks at one row at a time.
package protocol RowStep: PreparationStep {
  /// What becomes of a row: nothing, itself, or several rows in their order.
  /// - Throws: `UserError` without a place where the row does not fit.
  func apply(to row: PreparedRow) throws -> [PreparedRow]
}

/// Decides about rows in their order, with all ranks together.
package protocol RoundStep: PreparationStep {
  /// The rows of a round that stay. Collective.
  func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow]
  /// Whether there are rows behind the last one, alike on all ranks.
  var addsRows: Bool { get }
  /// This rank's rows behind those of the last round. Collective.
  func lastRows(_ ranks: Ranks) throws -> [PreparedRow]
}

extension RoundStep {
  package var addsRows: Bool { false }
  package func lastRows(_ ranks: Ranks) throws -> [PreparedRow] { [] }
}

/// Must see all rows before the first one can go on.
package protocol WholeStep: RoundStep {
  /// Whether `look` gives rows another order.
  var reorders: Bool { get }
  /// Whether it need not see all rows with these settings.
  var isImmediate: Bool { get }
  func look(at rows: inout [PreparedRow]) throws
  /// Called when all rows have been looked at. Collective.
  func decide(_ rounds: StoredRounds, _ ranks: Ranks) throws
}

extension WholeStep {
  package var reorders: Bool { false }
  package var isImmediate: Bool { false }
  package func decide(_ rounds: StoredRounds, _ ranks: Ranks) throws {}
}

/// The rounds that a step may read again before it decides.
package struct StoredRounds {
  let rows: StoredRows
  /// Collective: reads every round.
  func forEach(_ ranks: Ranks, _ body: ([PreparedRow]) throws -> Void) throws {
    try ranks.together {
      for number in 0..<rows.roundCount { try body(try rows.round(number)) }
    }
  }
}

enum PreparationSteps {
  static var all: [any PreparationStep.Type] {
    [
      Clean.self, Filter.self, Deduplicate.self, Novelty.self, Sample.self, Shuffle.self, Split.self,
      Augment.self, BackTranslate.self, Perplexity.self, Synthesize.self, Convert.self,
    ]
  }
}
