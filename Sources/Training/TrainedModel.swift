// A model folder, loaded to be read from: for generation and evaluation.
import Adapters
import Base
import Checkpoints
import Collectives
import Datasets
import Graph
import Kernels
import Models
import Objectives
import Planning
import Recipes
import Tensors
import Tokenizers

package struct TrainedModel {
  package let folder: String
  package let replica: Replica
  package let tokenizer: Tokenizer

  /// Loads a model whose weights the ranks of a host share. Collective.
  /// - Parameters:
  ///   - folder: a Hugging Face model folder, a checkpoint, or the output of a run.
  ///   - adapter: a PEFT folder whose base it is.
  ///   - objective: what it is measured for; what its head says by default.
  ///   - threads: of this rank.
  package init(
    folder: String, adapter: String? = nil, settings: ModelSettings, for objective: (any Objective)? = nil,
    threads: Int, ranks: Ranks
  ) throws {
    let (description, tokenizer, engine) = try ranks.together {
      (
        try Self.description(folder: folder, adapter: adapter, settings),
        try Tokenizer(folder: folder),
        try Engine(threads: threads, kernel: settings.parallel.blasKernel)
      )
    }
    let store = WeightStore.readOnly(description, settings, ranks: ranks)
    try self.init(folder, description, objective, tokenizer, engine, store)
    // Agreeing on the outcome, ranks wait for each other's parts.
    try ranks.together { try fill(adapter: adapter, storage: settings.frozen.projections) }
    store.trained.refreshVectors()
  }

  /// Loads a model for this process alone, without MPI.
  package init(
    folder: String, adapter: String? = nil, settings: ModelSettings = ModelSettings(), threads: Int
  ) throws {
    let description = try Self.description(folder: folder, adapter: adapter, settings)
    try self.init(
      folder, description, nil, try Tokenizer(folder: folder),
      try Engine(threads: threads, kernel: settings.parallel.blasKernel),
      WeightStore(description, type: settings.elementType, form: settings.frozen))
    try fill(adapter: adapter, storage: settings.frozen.projections)
  }

  /// The same base with an adapter, whose frozen weights are the base's. Collective.
  /// - Parameters:
  ///   - base: without an adapter.
  ///   - settings: those that the base was loaded with.
  ///   - objective: what it is measured for; what its head says by default.
  package init(
    _ base: TrainedModel, with adapter: String, settings: ModelSettings,
    for objective: (any Objective)? = nil,
    ranks: Ranks
  ) throws {
    self = try ranks.together { try TrainedModel(base, with: adapter, settings: settings, for: objective) }
  }

  /// The same for this process alone.
  package init(
    _ base: TrainedModel, with adapter: String, settings: ModelSettings,
    for objective: (any Objective)? = nil
  ) throws {
    let description = try Self.description(folder: base.folder, adapter: adapter, settings)
    let layout = description.layout
    let line = WeightLine(layout.trained, type: description.trainedType(settings.elementType))
    guard let store = WeightStore(layout, trained: line, on: base.replica.store) else {
      throw Self.cannotShare(adapter, "freezes what the base does not have")
    }
    try self.init(base.folder, description, objective, base.tokenizer, base.replica.engine, store)
    let reader = try AdaptedWeights(
      description, base: base.folder, adapter: adapter, storage: settings.frozen.projections,
      engine: base.replica.engine)
    if reader.changesBase { throw Self.cannotShare(adapter, "stands on a base of its own (init)") }
    try replica.fillTrained(from: reader)
    line.refreshVectors()
  }

  private static func cannotShare(_ adapter: String, _ reason: String) -> UserError {
    UserError(
      .data, "\(reason), so that it cannot share a base with others", at: adapter,
      hint: "give it as the only --adapter")
  }

  private init(
    _ folder: String, _ description: ModelDescription, _ asked: (any Objective)?, _ tokenizer: Tokenizer,
    _ engine: Engine, _ store: WeightStore
  ) throws {
    self.folder = folder
    self.tokenizer = tokenizer
    let objective = try (asked ?? objective(of: description)).settled { tokenizer }
    replica = Replica(description, objective: objective, engine: engine, store: store)
  }

  /// The model with its adapter, or with nothing that is trained.
  package static func description(
    folder: String, adapter: String?, _ settings: ModelSettings
  ) throws -> ModelDescription {
    let description =
      try adapter.map { try ModelDescription.stored(in: folder, adapter: $0) }
      ?? .stored(in: folder).adapted(by: NoFineTuning())
    try description.checkFits(folder: folder, type: settings.elementType, frozen: settings.frozen)
    return description
  }

  private func fill(adapter: String?, storage: FrozenStorage) throws {
    let description = replica.description
    let reader: any WeightReader =
      if let adapter {
        try AdaptedWeights(
          description, base: folder, adapter: adapter, storage: storage, engine: replica.engine)
      } else {
        try FolderWeights(folder: folder, description, layout: replica.store.layout)
      }
    try replica.fill(from: reader)
  }
}

extension TrainedModel {
  /// Some files, read with the model's tokenizer and checked against its vocabulary.
  package func read(_ options: DataOptions) throws -> Dataset {
    let description = replica.description
    var options = options
    replica.objective.prepare(&options)
    options.virtual = description.virtualPositions
    if description.answerStart != nil { options.packing = false }
    let dataset = try Dataset(options, encoder: description.encoder(tokenizer))
    try dataset.check(for: description)
    return dataset
  }
}
