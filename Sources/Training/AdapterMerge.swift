// Folds an adapter into its base, and compares what both compute before the new folder gets its name.
import Adapters
import Base
import Checkpoints
import Datasets
import Foundation
import Graph
import Kernels
import Models
import Planning
import Tensors
import Tokenizers

package struct AdapterMerge {
  /// How far apart the logits of base with adapter and of the merged folder are.
  package struct Outcome: Sendable {
    /// The largest difference of two logits.
    package let difference: Float
    /// The largest logit, by magnitude.
    package let largest: Float
    /// The largest difference that the rounding of the merged weights explains.
    package let allowed: Float
    package let tokens: Int
    package let tensors: Int
    /// The element types of the tensors, each once.
    package let types: [String]

    init(_ want: [Float], _ got: [Float], types: [StoredType], tokens: Int) {
      precondition(want.count == got.count, "both models have one vocabulary")
      // Numbers that are not finite differ by infinity.
      difference = zip(want, got).reduce(0) { worst, pair in
        let difference = abs(pair.0 - pair.1)
        return difference.isFinite ? max(worst, difference) : .infinity
      }
      largest = want.reduce(0) { max($0, abs($1)) }
      allowed = largest * (types.map(Self.share).max() ?? 0)
      self.tokens = tokens
      tensors = types.count
      self.types = Set(types.map(\.rawValue)).sorted()
    }

    /// By what share of the largest logit rounding in a type may change one: 32 units of its last place, and in fp32
    /// what another order of additions changes.
    private static func share(_ type: StoredType) -> Float {
      switch type {
      case .bf16: 32 * 0x1p-9
      case .f16: 32 * 0x1p-12
      default: 1e-4
      }
    }

    package var isRight: Bool { difference <= allowed }
  }

  private let base: String
  private let adapter: String
  private let output: String
  private let storage: FrozenStorage
  private let adapted: ModelDescription
  private let engine: Engine
  private let batch: Batch
  package let notes: [String]

  /// Sequences and tokens that are compared.
  private static let rows = 2
  private static let length = 64

  /// - Parameters:
  ///   - data: real text, on which both are compared.
  ///   - storage: what the adapter was trained on, if the base was quantised.
  /// - Throws: everything that is wrong with the folders and the data, before anything is written.
  package init(
    base: String, adapter: String, output: String, data: [String], storage: FrozenStorage = .float32,
    threads: Int
  ) throws {
    let problems = Problems()
    self.base = base
    self.adapter = adapter
    self.output = output
    self.storage = storage
    if access(output, F_OK) == 0 {
      problems.add(.usage, "exists already", at: output, hint: "set --output to a new folder")
    }
    problems.collect { try AdapterWeights.checkBase(of: adapter, is: base) }
    if let method = problems.collect({ try adapterMethod(in: adapter) }), !method.foldsIntoBase {
      problems.add(
        .usage, "is an adapter of the method \(type(of: method).name), which no weights of a base can hold",
        at: adapter, hint: "give it to generate, evaluate and predict with --adapter")
    }
    let adapted = problems.collect {
      let description = try ModelDescription.stored(in: base, adapter: adapter)
      try description.checkFits(folder: base, copies: 1)
      if description.virtualPositions != .none {
        throw UserError(
          .usage, "has virtual tokens, which fold into no weight", at: adapter,
          hint: "generate, evaluate and predict take it as --adapter")
      }
      return description
    }
    let batch = adapted.flatMap { adapted in
      problems.collect { try Self.batch(adapted, tokenizer: base, data) }
    }
    try problems.throwIfAny()
    guard let adapted, let batch else { preconditionFailure("an error was collected") }
    self.adapted = adapted
    self.batch = batch
    notes = adapted.notes
    engine = try Engine(threads: threads)
  }

  private static func batch(
    _ description: ModelDescription, tokenizer folder: String, _ data: [String]
  ) throws -> Batch {
    let tokenizer = try Tokenizer(folder: folder)
    let dataset = try Dataset(
      DataOptions(
        train: data, packing: true, sequenceLength: min(length, description.family.maximumLength), seed: 0,
        readsWhole: true, names: .options),
      encoder: description.encoder(tokenizer))
    try dataset.check(for: description)
    var batch = Batch()
    let rows = Array(0..<min(rows, dataset.train.count))
    dataset.train.fill(&batch, with: MicroBatch(sequences: rows, firstSample: 0), mask: .none)
    return batch
  }

  /// Writes the merged folder.
  /// - Parameter progress: called with the tensors that are written, and all.
  /// - Throws: where its logits differ from those before by more than its types explain; nothing is left then.
  package func run(progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }) throws -> Outcome {
    let before = try logits(
      adapted, try AdaptedWeights(adapted, base: base, adapter: adapter, storage: storage, engine: engine),
      projections: storage)
    let merged = try MergedWeights(adapted, base: base, adapter: adapter, storage: storage, engine: engine)
    let folder = try MergedFolder(merged, of: merged.description, donor: base, path: output)
    do {
      try folder.write(progress: progress)
      let description = try ModelDescription.stored(in: folder.staging).adapted(by: NoFineTuning())
      let after = try logits(
        description,
        try FolderWeights(folder: folder.staging, description, layout: description.layout),
        projections: .float32)
      let outcome = Outcome(
        before, after, types: folder.types, tokens: batch.rows * batch.length)
      guard outcome.isRight else {
        throw UserError(
          .data,
          "logits differ by \(outcome.difference) after merging, and \(outcome.types.joined(separator: " and ")) "
            + "explains \(outcome.allowed): nothing is written", at: output,
          hint: "check both folders with swiftdp checkpoint verify")
      }
      try folder.publish()
      return outcome
    } catch {
      try? folder.abandon()
      throw error
    }
  }

  private func logits(
    _ description: ModelDescription, _ reader: any WeightReader, projections: FrozenStorage
  ) throws -> [Float] {
    let replica = Replica(
      description, engine: engine,
      store: WeightStore(description, type: .float32, form: FrozenForm(projections: projections)))
    try replica.fill(from: reader)
    return replica.logits(batch)
  }
}
