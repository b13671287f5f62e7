// shuffle: all rows in random order.
import Base
import Collectives

package final class Shuffle: WholeStep {
  package static let name = "shuffle"
  package let record = StepRecord()
  private let facts: StepFacts

  package init(_ section: Section, _ facts: StepFacts) { self.facts = facts }

  package var reorders: Bool { true }

  package func look(at rows: inout [PreparedRow]) throws {
    for index in rows.indices {
      var random = rows[index].random(seed: facts.seed, step: facts.index)
      rows[index].order.place = random.next()
    }
  }

  package func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow] { rows }
}
