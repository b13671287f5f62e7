// Several adapters on one base while a run trains: a micro-batch has rows of each, and each is divided, clipped, updated
// and measured as in a run of its own.
import Base
import Collectives
import Datasets
import Kernels
import Models
import Objectives
import Optimizers
import Recipes
import Sharding
import Tensors
import Tokenizers

package final class AdapterRows: RunParts {
  /// What belongs to one adapter.
  package struct Part {
    let name: String
    let sequences: TokenSequences
    let mask: PackingMask
    let schedule: Schedule
    var stream: BatchStream?
    /// What its loss is measured on; nil for nothing.
    var measured: (sequences: TokenSequences, rows: RowTexts?)?
    var microBatchSize = 1

    package init(name: String, sequences: TokenSequences, mask: PackingMask, schedule: Schedule) {
      (self.name, self.sequences, self.mask, self.schedule) = (name, sequences, mask, schedule)
    }
  }

  private let replica: Replica
  private var parts: [Part]
  /// The base with each adapter alone.
  private let alone: [Replica]
  /// By parameter of the trained line, which adapter it belongs to.
  private let owners: [Int]
  /// Of each adapter in the step that runs.
  private var units: [Int]
  private var norms: [Double]
  private var learningRates: [Double]
  /// The rows of each, before they stand together. The memory is kept.
  private var batches: [Batch]

  /// - Parameter replica: with all adapters.
  package init(_ replica: Replica, _ parts: [Part]) {
    self.replica = replica
    self.parts = parts
    let description = replica.description
    alone = parts.indices.map {
      Replica(
        replica, description.adapted(by: description.adaptation.only($0)), for: replica.objective)
    }
    let members = description.adaptation.members
    owners = replica.layout.parameters.map { parameter in
      guard let owner = members.firstIndex(where: { parameter.spec.name.hasPrefix($0.prefix) }) else {
        preconditionFailure("\(parameter.spec.name) is trained, and belongs to no adapter")
      }
      return owner
    }
    units = parts.map { _ in 0 }
    norms = parts.map { _ in 0 }
    learningRates = parts.map { _ in 0 }
    batches = parts.map { _ in Batch() }
  }

  /// Those of a run.
  convenience init(_ recipe: Recipe, _ data: PartData, _ replica: Replica) {
    self.init(
      replica,
      recipe.adapters.indices.map { index in
        let (own, dataset) = (data.data[index], data.data[index].dataset)
        var part = Part(
          name: recipe.adapters[index].name, sequences: dataset.train,
          mask: data.recipes[index].data.packingMask,
          schedule: recipe.adapters[index].rates(steps: own.steps))
        part.stream = own.stream
        part.measured = dataset.validation.map { ($0, dataset.validationRows) }
        part.microBatchSize = recipe.training.microBatchSize
        return part
      })
  }

  package var gradientRoom: Int { replica.gradientRoom }
  /// Of each adapter the sum of its losses and its units.
  package var counts: Int { 2 * parts.count }
  package var readsTokenLosses: Bool { true }

  /// Each holds the rows of all adapters, those of the first before the others.
  package func microBatches(step: Int) -> [MicroBatch] {
    let each = parts.indices.map { parts[$0].stream?.microBatches(step: step) ?? [] }
    return each[0].indices.map { number in
      var whole = each[0][number]
      whole.beside = each.dropFirst().map { $0[number] }
      return whole
    }
  }

  package func tokenCount(of microBatches: [MicroBatch]) -> Int {
    sum(of: microBatches) { parts[$1].sequences.tokenCount(of: [$0]) }
  }

  package func samples(of microBatches: [MicroBatch]) -> Int { units.reduce(0, +) }

  private func sum(of microBatches: [MicroBatch], _ count: (MicroBatch, _ adapter: Int) -> Int) -> Int {
    microBatches.reduce(0) { sum, microBatch in
      sum + microBatch.parts.enumerated().reduce(0) { $0 + count($1.element, $1.offset) }
    }
  }

  package func begin(_ microBatches: [MicroBatch], _ draw: BatchDraw) -> Int {
    units = parts.indices.map { adapter in
      replica.objective.units(
        of: microBatches.map { $0.parts[adapter] }, in: parts[adapter].sequences, draw)
    }
    return units.reduce(0, +)
  }

  package func replica(of microBatch: MicroBatch) -> Replica { replica }
  // Each row has its own factor.
  package func units(of microBatch: MicroBatch) -> Int { 1 }
  package func weight(of microBatch: MicroBatch) -> Float { 1 }

  package func fill(_ batch: inout Batch, with microBatch: MicroBatch, _ draw: BatchDraw) {
    for (adapter, own) in microBatch.parts.enumerated() {
      replica.objective.fill(
        &batches[adapter], with: own, of: parts[adapter].sequences, mask: parts[adapter].mask, draw)
    }
    batch.join(batches)
    batch.setFactors(units.map { Replica.factor(dividedBy: $0) })
  }

  package func counts(
    of microBatch: MicroBatch, in batch: Batch, loss: Double, _ draw: BatchDraw
  ) -> [Double] {
    var counts: [Double] = []
    var row = 0
    for (adapter, own) in microBatch.parts.enumerated() {
      let places = row * batch.length..<(row + batch.groups[adapter]) * batch.length
      counts.append(places.reduce(0) { batch.targets[$1] < 0 ? $0 : $0 + replica.tokenLosses[$1] })
      counts.append(
        Double(replica.objective.units(of: [own], in: parts[adapter].sequences, draw)))
      row += batch.groups[adapter]
    }
    return counts
  }

  private func sums(of adapter: Int, in total: LossSums) -> LossSums {
    LossSums(loss: total.counts[2 * adapter], units: Int(total.counts[2 * adapter + 1]))
  }

  /// The mean over the adapters that had something to learn.
  package func loss(of total: LossSums) -> Double {
    let losses = parts.indices.compactMap { sums(of: $0, in: total).meanLoss }
    return losses.isEmpty ? 0 : losses.reduce(0, +) / Double(losses.count)
  }

  package func scalars(ofStep total: LossSums) -> [Scalar] {
    parts.indices.flatMap { adapter -> [Scalar] in
      guard let loss = sums(of: adapter, in: total).meanLoss else { return [] }
      return named(
        [
          Scalar("loss", loss), Scalar("grad_norm", detail: norms[adapter]),
          Scalar("learning_rate", detail: learningRates[adapter]),
        ], of: adapter)
    }
  }

  /// The numbers of an adapter under its name, such as `low/loss`.
  private func named(_ scalars: [Scalar], of adapter: Int) -> [Scalar] {
    scalars.map { scalar in
      var named = scalar
      named.name = "\(parts[adapter].name)/\(scalar.name)"
      return named
    }
  }

  package func offenders(
    _ microBatches: [MicroBatch], sums: [LossSums],
    decode: @escaping @Sendable (ArraySlice<Int32>) -> String
  ) -> String {
    let losses = parts.indices.map { adapter in sums.map { self.sums(of: adapter, in: $0).loss } }
    let isBroken = losses.contains { !$0.allSatisfy(\.isFinite) }
    let words = parts.indices.compactMap { adapter -> String? in
      guard !isBroken || !losses[adapter].allSatisfy(\.isFinite) else { return nil }
      let part = parts[adapter]
      let samples = OffendingSamples(
        sequences: part.sequences, replica: alone[adapter], mask: part.mask, decode: decode)
      return "\(part.name): "
        + samples.words(microBatches.map { $0.parts[adapter] }, losses: losses[adapter])
    }
    return words.joined(separator: "; ")
  }

  package func measure(_ gradients: GradientSum) {
    norms = gradients.squaredNorms(ofGroups: owners, count: parts.count).map { $0.squareRoot() }
  }

  package func clip(_ gradients: GradientSum, to limit: Double) {
    guard limit > 0 else { return }
    gradients.scale(byGroup: owners, factors: norms.map { Float(min(1, limit / ($0 + 1e-6))) })
  }

  package func rates(step: Int) -> [Double]? {
    learningRates = parts.map { $0.schedule.learningRate(step: step) }
    return zip(replica.layout.parameters, owners).map { $0.spec.rateFactor * learningRates[$1] }
  }

  package func validate(ranks: Ranks) throws -> Evaluation? {
    var whole = Evaluation(general: nil)
    var losses: [Double] = []
    for (adapter, part) in parts.enumerated() {
      guard let (sequences, rows) = part.measured else { continue }
      let own = try evaluate(
        sequences, rows: rows, replica: alone[adapter], ranks: ranks, microBatchSize: part.microBatchSize,
        mask: part.mask)
      whole.tokens += own.tokens
      whole.rows += own.rows
      guard let mean = own.loss else { continue }
      losses.append(mean)
      whole.scalars += named([Scalar("loss", mean)] + own.scalars, of: adapter)
    }
    guard !losses.isEmpty else { return nil }
    whole.sums = LossSums(loss: losses.reduce(0, +) / Double(losses.count), units: 1)
    return whole
  }

  package func check() throws {
    for part in parts {
      try part.sequences.check()
      try part.stream?.check()
    }
  }
}
