// How many steps a run has and of what size, what is checked in each, and when the run ends.
import Base
import Graph

package struct TrainingRecipe: Sendable {
  /// Exactly one of the two is set, by the user or by default.
  package enum Duration: Sendable, Equatable {
    case steps(Int)
    case epochs(Double)
  }

  package var duration: Duration
  /// Sequences per optimizer step, over all ranks.
  package var batchSize: Int
  /// Sequences per forward pass of one rank.
  package var microBatchSize: Int
  package var seed: UInt64
  package var validateEvery: Int
  package var activations: RecomputeRecipe
  /// α of the noise on embeddings in training (NEFTune); 0 for none.
  package var noise: Double
  /// Seconds from the start of the process within which it must have ended with a checkpoint; nil for no limit.
  package var timeLimit: Double?
  /// Whether results are the same bits at every rank count.
  package var exact: Bool
  package var onSpike: SpikeAction
  /// A gradient norm is a spike if it is more than this many times the median of the last ones; 0 for never.
  package var spikeFactor: Double
  /// The share of micro-batches that a second rank computes too.
  package var audit: Double
  /// Benchmarks; nil for none.
  package var evaluation: EvaluationRecipe?
  /// nil where a run goes to its last step.
  package var stopping: StoppingRecipe?
  /// Where the numbers of the run go beside metrics.jsonl.
  package var reportTo: [ReportTarget]
  /// Steps whose parts go to trace files; nil for none.
  package var trace: TracedSteps?

  package init(_ section: Section) {
    if section.has("steps") {
      duration = .steps(section.integer("steps", in: 1...1 << 40))
      if section.has("epochs") {
        section.fail("epochs", "stands beside training.steps", hint: "give one of the two")
        _ = section.raw("epochs").map { section.record("epochs", $0) }
      }
    } else {
      duration = .epochs(section.number("epochs", default: 3, in: 1e-6...1e9))
    }
    batchSize = section.integer("batch_size", default: 32, in: 1...1 << 24)
    microBatchSize = section.integer("micro_batch_size", default: min(4, batchSize), in: 1...1 << 20)
    if microBatchSize > batchSize {
      section.fail("micro_batch_size", "is \(microBatchSize), more than batch_size, which is \(batchSize)")
    }
    seed = UInt64(section.integer("seed", default: 0, in: 0...Int.max))
    validateEvery = section.integer("validate_every", default: 50, in: 0...Int.max)
    activations = RecomputeRecipe(section)
    noise = section.number("neftune_noise_alpha", default: 0, in: 0...1e4)
    if let given = section.raw("time_limit") {
      let text = given.text ?? given.encoded()
      section.record("time_limit", given)
      timeLimit = seconds(of: text)
      if timeLimit == nil {
        section.fail("time_limit", "is \"\(text)\", which is no time", hint: "such as 4h, 90m or 04:00:00")
      }
    }
    exact = section.bool("exact", default: true)
    onSpike = section.choice("on_spike", default: .stop)
    spikeFactor = section.number("spike_factor", default: 10, in: 0...1e9)
    if spikeFactor > 0, spikeFactor <= 1 {
      section.fail(
        "spike_factor", "is \(spikeFactor), and every norm is as large", hint: "more than 1, or 0 for never")
    }
    audit = section.number("audit", default: 0, in: 0...1)
    evaluation = section.has("evaluate") ? EvaluationRecipe(section.section("evaluate")) : nil
    stopping =
      section.has("early_stopping")
      ? StoppingRecipe(section.section("early_stopping"), evaluation: evaluation) : nil
    if stopping?.measure == .validationLoss, validateEvery == 0 {
      section.fail("early_stopping", "watches validation_loss, and training.validate_every is 0")
    }
    reportTo = ReportTarget.read(section)
    trace = TracedSteps.read(section)
  }
}
