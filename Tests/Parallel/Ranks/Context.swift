// Steps whose sequences are cut into chunks, beside the same steps with whole sequences.
import Base
import Datasets
import Models
import Reference
import Sharding

/// Loss and gradient of chunks are those of whole sequences, for learned and rotary positions, grouped heads, windows and
/// rows of unequal length, which chunks do not divide; and their bits are the same for any number of ranks and in any
/// arrangement.
/// - Parameter fixtures: the folder of small models of each family.
func checkContext(_ outcome: inout Outcome, fixtures: String) throws {
  let ranks = outcome.ranks
  for family in ["gpt2-tiny", "llama-tiny", "mistral", "gemma2", "gpt-neox"] {
    let run = try SmallRun(
      ranks, model: "\(fixtures)/\(family)", rows: [(31, 30), (9, 4), (24, 23), (17, 16), (2, 1)])
    let all = Array(0..<run.rows.count)
    let (loss, gradient) = run.whole(all)
    for context in [2, 4] where ranks.count % context == 0 || context % ranks.count == 0 {
      for (size, stage) in [(1, ZeroStage.optimizer), (2, .weights), (5, .replicas)] {
        let step = try run.step(rows: all, microBatchSize: size, stage: stage, context: context)
        let what = "\(family), \(context) chunks, micro-batches of \(size)"
        let mean = step.report.loss ?? .nan
        outcome.expect(abs(mean / (loss / Double(step.report.units)) - 1) <= 1e-5, "\(what): loss \(mean)")
        let error = relativeError(step.gradient, gradient)
        outcome.expect(error <= 1e-4, "\(what): gradient is \(error) off")
      }
    }
  }
}
