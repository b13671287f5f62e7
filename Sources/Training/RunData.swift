// The data of a run, tokenised, and the part of it that each step sees.
import Adapters
import Base
import Collectives
import Datasets
import Generation
import Graph
import Models
import Objectives
import Planning
import Recipes
import Tokenizers

package struct RunData {
  package internal(set) var dataset: Dataset
  /// A checksum over all training tokens, targets and labels, and the shares of sources, to recognise the data when a
  /// run resumes.
  package let fingerprint: String
  package let tokenizer: Tokenizer
  package let stream: BatchStream
  private let schedule: SourceSchedule
  package let steps: Int

  /// What reads the data of a recipe.
  private struct Reader {
    let options: DataOptions
    let tokenizer: Tokenizer
    let encoder: DocumentEncoder

    /// - Throws: what does not go together in the recipe and the model.
    init(_ recipe: Recipe, model: ModelDescription) throws {
      let data = recipe.data
      if data.sequenceLength > model.family.maximumLength {
        throw UserError(
          .usage,
          "is \(data.sequenceLength), but the model reads at most \(model.family.maximumLength) tokens"
            + (model.virtualPositions.count > 0 ? ", the virtual ones included" : ""),
          at: "data.sequence_length", hint: "set data.sequence_length=\(model.family.maximumLength)")
      }
      guard model.answerStart == nil || recipe.objective.answersTexts else {
        throw UserError(
          .usage,
          "is of type \(model.typeName), whose models answer to texts, and task "
            + "\(type(of: recipe.objective).name) has none",
          at: recipe.model, hint: "set task=\(TextToText.name)")
      }
      options = recipe.dataOptions
      tokenizer = try Tokenizer(folder: recipe.model)
      encoder = model.encoder(tokenizer)
    }
  }

  /// Reads all files of a recipe in memory.
  /// - Throws: every mistake in the files at once.
  package init(_ recipe: Recipe, model: ModelDescription) throws {
    let reader = try Reader(recipe, model: model)
    try self.init(
      recipe, model: model, reader.tokenizer, try Dataset(reader.options, encoder: reader.encoder))
  }

  /// The data of a recipe, in memory or out of its cache. Collective.
  /// - Parameter caching: fills the cache; nil if the recipe names none.
  /// - Throws: every mistake in the files at once.
  package static func read(
    _ recipe: Recipe, model: ModelDescription, ranks: Ranks, caching: DataCaching?
  ) throws -> RunData {
    guard let caching else { return try ranks.together { try RunData(recipe, model: model) } }
    return try read(recipe, model: model, ranks: ranks, caching: caching, verifies: false)
  }

  /// The same out of a cache.
  /// - Parameter verifies: whether to look at every byte that is there.
  static func read(
    _ recipe: Recipe, model: ModelDescription, ranks: Ranks, caching: DataCaching, verifies: Bool
  ) throws -> RunData {
    let reader = try ranks.together { try Reader(recipe, model: model) }
    let dataset = try caching.dataset(
      reader.options, encoder: reader.encoder, tokenizer: Tokenizer.files(of: recipe.model),
      verifies: verifies)
    return try ranks.together { try RunData(recipe, model: model, reader.tokenizer, dataset) }
  }

  private init(
    _ recipe: Recipe, model: ModelDescription, _ tokenizer: Tokenizer, _ dataset: Dataset
  ) throws {
    self.tokenizer = tokenizer
    self.dataset = dataset
    try dataset.check(for: model)
    let training = recipe.training
    let steps = try Self.steps(of: recipe, dataset)
    let size = recipe.objective.samples(ofBatch: training.batchSize)
    let draws = (steps + recipe.objective.stepsPerSample - 1) / recipe.objective.stepsPerSample
    schedule = dataset.schedule(runLength: draws * size)
    if let end = schedule.end, (draws - 1) * size >= end {
      throw UserError(
        .usage,
        "are \(steps) of \(counted(size, "sample")), and the sources end after \(counted(end, "sample")) (epochs)",
        at: "training.steps",
        hint:
          "set training.steps=\((end + size - 1) / size * recipe.objective.stepsPerSample), or leave a source without epochs"
      )
    }
    let train = dataset.train
    let length: @Sendable (Int) -> Int32 = { train.length(ofSample: $0) }
    stream = BatchStream(
      sources: dataset.trainSources, rowsPerSample: dataset.train.rowsPerSample, schedule: schedule,
      batchSize: size,
      microBatchSize: training.microBatchSize, seed: training.seed, shuffle: recipe.data.shuffle,
      length: recipe.data.groupsByLength ? length : nil,
      cache: recipe.data.cache?.folder)
    self.steps = steps
    fingerprint = Self.fingerprint(of: dataset, schedule)
  }

  /// The same data for another number of steps.
  /// - Parameter recipe: that it was read for.
  func lasting(_ steps: Int, _ recipe: Recipe, _ model: ModelDescription) throws -> RunData {
    guard steps != self.steps else { return self }
    var recipe = recipe
    recipe.training.duration = .steps(steps)
    return try RunData(recipe, model: model, tokenizer, dataset)
  }

  private static func steps(of recipe: Recipe, _ dataset: Dataset) throws -> Int {
    // A regression takes all samples at once.
    if (recipe.method as? Features)?.isRegression == true { return 1 }
    switch recipe.training.duration {
    case .steps(let count): return count
    case .epochs(let epochs):
      let samples = epochs * Double(dataset.schedule(runLength: 1).epoch)
      let size = recipe.objective.samples(ofBatch: recipe.training.batchSize)
      return max(1, Int((samples / Double(size)).rounded(.up))) * recipe.objective.stepsPerSample
    }
  }

  /// Reads the data, and checks that the memory of the hosts holds it beside the model. Collective.
  /// - Parameter recipe: receives what backward computes again, if the run is to choose it.
  static func checked(
    _ recipe: inout Recipe, _ description: ModelDescription, ranks: Ranks, threads: Int, caching: DataCaching?
  ) throws -> RunData {
    let data = try read(recipe, model: description, ranks: ranks, caching: caching)
    let bound = recipe.training.activations.memory
    func check(_ shape: RunShape) throws -> MemoryCheck {
      try MemoryCheck(
        description, folder: recipe.model, shape,
        Placement(ranks: ranks.count, ranksPerHost: ranks.localCount, threads: threads, hosts: ranks.hosts),
        rank: ranks.rank)
    }
    var shape = try ranks.together { [recipe] in
      // Rows that are not packed may all be shorter than the recipe allows.
      var shape = RunShape(recipe, length: max(data.dataset.train.longestRow, 1))
      shape.batch.sourceLength = data.dataset.train.longestAnswered
      shape.batch.rowsPerSample = data.dataset.train.rowsPerSample
      shape.batch.sequences *= data.dataset.train.rowsPerSample
      shape.dataBytes = data.dataset.bytes
      shape.addAnswers(recipe, description)
      if let form = try HeadRun.form(recipe, description), (recipe.method as? Features)?.place == .memory {
        shape.dataBytes += data.dataset.train.featureBytes(form) / ranks.count
      }
      shape.inHalves = description.inHalves(of: recipe)
      return shape
    }
    if recipe.training.activations.isChosen, let bound {
      let own = try ranks.together { try check(shape).leastRecompute(within: bound) }
      let most = ranks.gather(own.rank).max() ?? 0
      shape.recompute = Recompute.allCases[most]
      recipe.training.activations.recompute = shape.recompute
    }
    try ranks.together {
      try check(shape).check(
        folder: recipe.model, memory: usableMemory, bound: bound, host: ranks.hosts > 1 ? Ranks.hostName : nil
      )
      if let offload = recipe.training.activations.offload {
        try check(shape).checkDisk(offload.path(at: "training.activation_offload"))
      }
    }
    return data
  }

  private static func fingerprint(of dataset: Dataset, _ schedule: SourceSchedule) -> String {
    var hash = dataset.train.checksum
    if dataset.trainSources.count > 1 {
      for (source, share) in zip(dataset.trainSources, Mixture(weights: dataset.weights).counts) {
        hash.mix(UInt64(source.count))
        hash.mix(UInt64(share))
      }
      if dataset.hasChangingShares { hash.mix(schedule.checksum) }
    }
    return hash.digits
  }
}

extension ModelDescription {
  /// What makes tokens of the texts that the model learns.
  package func encoder(_ tokenizer: Tokenizer) -> DocumentEncoder {
    DocumentEncoder(
      encoding: tokenizer, endOfText: endOfText.first, answerStart: answerStart,
      padding: config["pad_token_id"]?.integer.flatMap { Int32(exactly: $0) })
  }
}

extension Dataset {
  /// - Throws: if the tokenizer gives tokens or types that the model has no row for.
  func check(for model: ModelDescription) throws {
    for sequences in [train] + (validation.map { [$0] } ?? []) {
      try model.check(sequences.largestTokens)
      guard sequences.hasTypes, model.family.types < 2 else { continue }
      throw UserError(
        .data, "rows have two texts, which the model does not tell apart (type_vocab_size is 1)",
        at: model.folder, hint: "give one text (data.columns), or take another model")
    }
  }
}
