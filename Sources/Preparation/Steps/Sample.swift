// sample: some of the rows, chosen at random.
import Base
import Collectives

package final class Sample: WholeStep {
  package static let name = "sample"
  package let record = StepRecord()
  private let facts: StepFacts
  private let rows: Int?
  private let share: Double
  private var choice = RowChoice()

  package init(_ section: Section, _ facts: StepFacts) {
    self.facts = facts
    rows = section.has("rows") ? section.integer("rows", in: 1...Int.max) : nil
    share = section.has("share") ? section.number("share", in: 0...1) : 1
    if section.has("rows") == section.has("share") {
      section.failWhole(
        section.has("rows") ? "has both rows and share" : "has neither rows nor share",
        hint: "give one of them")
    }
  }

  private func draw(_ row: PreparedRow) -> UInt64 {
    var random = row.random(seed: facts.seed, step: facts.index)
    return random.next()
  }

  package func look(at rows: inout [PreparedRow]) throws {
    for row in rows { choice.count(draw(row), of: []) }
  }

  package func decide(_ rounds: StoredRounds, _ ranks: Ranks) throws {
    let (rows, share) = (rows, share)
    try choice.decide(ranks) { count in
      [min(count, rows ?? Int((share * Double(count)).rounded()))]
    } look: { found in
      try rounds.forEach(ranks) { for row in $0 { found(draw(row), []) } }
    }
  }

  package func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow] {
    rows.filter { row in
      if choice.part(of: draw(row), in: []) != nil { return true }
      record.remove(row, "not drawn")
      return false
    }
  }
}
