// What a run tells those who watch it. Only the first rank has observers.
import Base
import Collectives
import Objectives
import Recipes

/// What is known before the first step.
package struct RunSummary: Sendable {
  package var recipe: Recipe
  /// `model_type` of config.json.
  package var family: String
  package var parameters: Int
  /// How many of them are trained, and by which method.
  package var trained: Int
  package var method: String
  /// What a loss is the mean over.
  package var unit: LossUnit
  package var data: RunDataSummary
  package var steps: Int
  package var ranks: Int
  package var hosts: Int
  package var threads: Int
  package var matrixLibrary: String
  /// How many steps the resumed run had done, and its checkpoint.
  package var resumed: (step: Int, path: String)?
  package var output: String
  /// What the last bits of the run depend on beside its recipe.
  package var fingerprint: [JSON.Member]
}

/// Watches a run. An error that it throws ends the run.
package protocol Observer: AnyObject {
  func began(_ run: RunSummary) throws
  func stepped(_ report: StepReport, validation: Evaluation?) throws
  /// A loss measured before the first step.
  func validated(_ evaluation: Evaluation) throws
  func saved(step: Int, path: String) throws
  /// Something that the user should know.
  func noted(_ text: String) throws
  /// Something that is wrong, and that the run goes on in spite of.
  func warned(_ text: String) throws
  func ended(_ end: RunEnd) throws
}

extension Observer {
  package func began(_ run: RunSummary) throws {}
  package func stepped(_ report: StepReport, validation: Evaluation?) throws {}
  package func validated(_ evaluation: Evaluation) throws {}
  package func saved(step: Int, path: String) throws {}
  package func noted(_ text: String) throws {}
  package func warned(_ text: String) throws { try noted(text) }
  package func ended(_ end: RunEnd) throws {}
}

/// What is known after the last step.
package struct RunEnd: Sendable {
  package var model: String
  package var seconds: Double
  package var steps: Int
  package var tokens: Int
  /// How many micro-batches were computed twice, with the same result; nil if there are no audits.
  package var audits: Int?
  package var memory: RunMemory
  /// The measurement before the first step; nil in a run that was resumed.
  package var first: Evaluation?
  /// What the steps took on each rank.
  package var ranks: [RankSeconds]
  /// The last measurement of the loss on validation data.
  package var validation: Evaluation?
}

/// The memory of all ranks, in bytes; nil where the system does not tell it.
package struct RunMemory: Sendable {
  /// The most that each rank had resident, by rank.
  package var peaks: [Int]?
  /// What the ranks of the first host had after the last step; pages that several of them map count once.
  package var firstHost: Int?

  /// Collective.
  package init(_ ranks: Ranks) {
    let mine = try? ProcessMemory()
    let peaks = ranks.gather(mine?.peak ?? -1)
    let shares = ranks.gather(mine?.pss ?? -1)
    self.peaks = peaks.contains(-1) ? nil : peaks
    let host = ranks.hostOf.indices.filter { ranks.hostOf[$0] == ranks.hostOf[0] }.map { shares[$0] }
    firstHost = host.contains(-1) ? nil : host.reduce(0, +)
  }
}
