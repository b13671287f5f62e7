// What a live block shows of a run, whoever reads it: the run itself, or `swiftdp top` from its files.
import Base
import Foundation

struct LiveFacts {
  /// How the run stands, where it does not run any more or another process watches it.
  var state: String?
  var step = 0
  var steps: Int?
  /// How many passes over the data are done.
  var epoch: Double?
  /// The last losses, for a small curve; NaN for a step without one.
  var losses: [Double] = []
  var validation: (loss: Double, step: Int)?
  /// The objective's own numbers.
  var scalars: [(name: String, value: Double)] = []
  var learningRate: Double?
  var tokensPerSecond: Double?
  /// The rate of matrix products as a part of what this machine reaches with nothing else; nil where that is not known.
  var peakShare: Double?
  /// The part of a step's time that computation does not hide, from 0 to 1.
  var exchangeShare: Double?
  /// Of the first rank, in bytes.
  var memory: Int?
  var secondsLeft: Double?
  var checkpoint: Int?
  /// A rank that computes much longer than the others, and how much longer, such as 0.4 for 40 % more.
  var straggler: (rank: Int, more: Double)?
  /// Updates that were not applied.
  var skipped = 0
}

extension LiveFacts {
  /// From an output folder.
  init(_ run: RunFolder) {
    let metrics = run.metrics
    state = run.state.words
    step = metrics.steps.last ?? 0
    steps = run.plannedSteps
    losses = Array((metrics["loss"] ?? []).suffix(400))
    if let values = metrics["validation_loss"], let place = values.lastIndex(where: { !$0.isNaN }) {
      validation = (values[place], metrics.steps[place])
    }
    learningRate = metrics.last("learning_rate")
    tokensPerSecond = metrics.last("tokens_per_second")
    if let seconds = metrics.last("seconds"), let exchange = metrics.last("exchange_seconds"), seconds > 0,
      run.start["ranks"]?.amount ?? 1 > 1
    {
      exchangeShare = exchange / seconds
    }
    let known: Set = [
      "loss", "grad_norm", "learning_rate", "tokens", "target_tokens", "rows", "tokens_per_second", "seconds",
      "exchange_seconds", "audits",
    ]
    scalars = metrics.names.filter {
      !known.contains($0) && !$0.contains("/") && !$0.hasPrefix("validation_")
    }
    .prefix(4).compactMap { name in metrics.last(name).map { (name, $0) } }
    checkpoint = run.checkpoints.last?.step
    skipped = metrics.skipped.count
    if case .running = run.state, let steps, let seconds = metrics["seconds"], step > 0 {
      let recent = seconds.suffix(50).filter { !$0.isNaN }
      if !recent.isEmpty { secondsLeft = recent.reduce(0, +) / Double(recent.count) * Double(steps - step) }
    }
    if let batch = run.recipe["training"]?["batch_size"]?.amount,
      let sequences = run.start["train"]?["sequences"]?.amount, sequences > 0
    {
      epoch = Double(step) * Double(batch) / Double(sequences)
    }
  }
}
