// What one micro-batch of a step computes, and what the exchange does meanwhile.
import Base
import Datasets
import Graph
import Objectives

extension TrainStep {
  /// The sum of a micro-batch's losses; its gradients are handed over segment by segment.
  func compute(
    _ microBatch: MicroBatch, dividedBy units: Int, step: Int,
    whenFinal: (_ segment: Int, _ gradients: UnsafeMutablePointer<Float>) -> Void
  ) -> Double {
    let draw = BatchDraw(seed: seed, step: step)
    let replica = parts?.replica(of: microBatch) ?? replica
    if let parts {
      parts.fill(&batch, with: microBatch, draw)
    } else {
      replica.objective.fill(&batch, with: microBatch, of: sequences, mask: mask, draw)
    }
    joint?.fill(&batch, microBatch)
    features?.fill(&batch, microBatch)
    if let number { batch.setAnswers(AnswerNumbers.ofStep) { _ in number } }
    let pool = replica.engine.pool
    pool.betweenTiles = betweenTiles
    defer { pool.betweenTiles = nil }
    reference?.fill(&batch)
    rollouts?.fill(&batch)
    return replica.train(
      batch, dividedBy: parts?.units(of: microBatch) ?? units, weight: parts?.weight(of: microBatch) ?? 1,
      seed: seed,
      step: step, gradients: gradients.gradients,
      beforeEach: { prepare(for: $0) },
      afterEach: { tell($0) }, whenFinal: whenFinal)
  }

  /// What the micro-batch that was just computed leaves beside its loss.
  func countsOfMicroBatch() -> [Double] {
    guard let sources, replica.keepsTokenLosses else { return replica.counts }
    counts = sources.names.map { _ in 0 }
    replica.tokenLosses.withUnsafeBufferPointer { sources.add($0, of: batch, in: sequences, to: &counts) }
    return replica.counts + counts
  }

  /// Computes chunk c of micro-batch m, which are number m·C + c; this rank's other chunks of it follow.
  func computeChunk(
    _ number: Int, _ context: ContextRun, _ microBatches: [MicroBatch], dividedBy units: Int, step: Int
  ) {
    let (place, chunk) = number.quotientAndRemainder(dividingBy: chunks)
    func add(_ segment: Int, _ values: UnsafeMutablePointer<Float>) {
      replica.engine.time("exchange") { gradients.add(segment: segment, values) }
    }
    if context.isFirst(chunk) {
      replica.objective.fill(
        &batch, with: microBatches[place], of: sequences, mask: mask, BatchDraw(seed: seed, step: step))
      let pool = replica.engine.pool
      pool.betweenTiles = betweenTiles
      defer { pool.betweenTiles = nil }
      context.train(
        batch, dividedBy: units, seed: seed, step: step, gradients: gradients.gradients,
        beforeEach: { prepare(for: $0) }, afterEach: { tell($0) }, whenFinal: add)
    } else {
      gradients.settle()
      context.hand(chunk, in: gradients.gradients, whenFinal: add)
    }
    var counts = [Double](repeating: 0, count: replica.keepsTokenLosses ? sources?.names.count ?? 0 : 0)
    if !counts.isEmpty {
      context.tokenLosses(of: chunk).withUnsafeBufferPointer {
        sources?.add($0, of: batch, in: sequences, to: &counts)
      }
    }
    sums.append(loss: context.loss(of: chunk), counts: counts)
  }

  /// Before an operation: what it reads must have come, and what it overwrites must be away.
  func prepare(for entry: ProgramEntry) {
    for parameter in entry.parameters { exchange.wait(for: parameter, rowsSuffice: entry.looksUpTokens) }
    guard entry.isBackward else { return }
    // Other ranks may wait for this one's weights before they send the gradients that it will wait for.
    exchange.finish()
    gradients.settle()
  }

  /// After an operation.
  private func tell(_ progress: ProgramProgress) {
    ranks.board?.tell(progress.isBackward ? .backward : .forward, layer: progress.layer)
    gradients.advance()
    exchange.advance()
  }

  func lookAfterMessages() {
    let now = monotonicNanoseconds()
    guard now > lookedAfter + 1_000_000 else { return }
    lookedAfter = now
    ranks.poke()
    exchange.advance()
  }
}
