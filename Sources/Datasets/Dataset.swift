// From the files of a recipe to the sequences that are trained and validated on.
import Base
import Foundation

/// Where validation sequences come from.
package enum ValidationSource: Equatable, Sendable {
  case none
  /// This share, in 0..<1, of the train sequences, which are then not trained on; 0 is `none`.
  case share(Double)
  case files([String])
}

extension ValidationSource {
  /// 0 without a share.
  var share: Double { if case .share(let share) = self { share } else { 0 } }
}

/// What a recipe says about its data.
package struct DataOptions: Equatable, Sendable {
  /// What is trained on; one source unless the recipe mixes several.
  package var sources: [DataSource]
  package var validation: ValidationSource
  /// The format of validation files, and where its columns are.
  package var format: DataFormat
  package var columns: DataColumns
  package var chats = ChatOptions()
  package var order = SourceOrder.mixed
  /// With one, shares are the weights times the (1 / temperature)-th power of the samples of each source.
  package var temperature: Double?
  /// The labels of a classification in order; nil to find them in `train`.
  package var labels: [String]?
  package var wishes = FormatWishes()
  /// How many tokens of a long text neighbouring windows share.
  package var stride = 128
  /// The most choices that a row may have, so that all samples have as many sequences; nil to find it in the data.
  package var choices: Int?
  /// Labelled rows are not packed.
  package var packing: Bool
  /// Whether rows go where they fill blocks best, and text is not joined but cut into rows.
  package var packingFits = false
  /// With `document`, no token has to predict the first token of the next document of joined text.
  package var packingMask: PackingMask
  /// In positions of the model, of which at least 2 are left for tokens.
  package var sequenceLength: Int
  /// What the model's method puts before every sequence.
  package var virtual = VirtualPositions.none
  /// Where tokens are kept for all ranks and later runs; nil for the memory of each rank.
  package var cache: DataCache?
  /// Decides which sequences go to a validation share.
  package var seed: UInt64
  /// Whether every token is read, as a loss is measured: the last block may be short, and text that is longer than a
  /// sequence goes on in another. Training drops both. Validation files are always read whole.
  package var readsWhole: Bool
  package var names: DataSettingNames

  package init(
    sources: [DataSource], validation: ValidationSource = .none, format: DataFormat = .auto,
    columns: DataColumns = DataColumns(), labels: [String]? = nil, packing: Bool,
    packingMask: PackingMask = .none, sequenceLength: Int, seed: UInt64, readsWhole: Bool = false,
    names: DataSettingNames = .recipe
  ) {
    self.sources = sources
    self.validation = validation
    self.format = format
    self.columns = columns
    self.labels = labels
    self.packing = packing
    self.packingMask = packingMask
    self.sequenceLength = sequenceLength
    self.seed = seed
    self.readsWhole = readsWhole
    self.names = names
  }

  /// One source of files, whose format is that of validation files too.
  package init(
    train: [String], validation: ValidationSource = .none, format: DataFormat = .auto,
    columns: DataColumns = DataColumns(), labels: [String]? = nil, packing: Bool,
    packingMask: PackingMask = .none, sequenceLength: Int, seed: UInt64, readsWhole: Bool = false,
    names: DataSettingNames = .recipe
  ) {
    self.init(
      sources: [DataSource(files: train, format: format, columns: columns)], validation: validation,
      format: format, columns: columns, labels: labels, packing: packing, packingMask: packingMask,
      sequenceLength: sequenceLength, seed: seed, readsWhole: readsWhole, names: names)
  }

  /// How many tokens a sequence has at most.
  package var tokensOfSequence: Int { sequenceLength - virtual.count }

  /// The files of all sources.
  var train: [String] { sources.flatMap(\.files) }

  /// The files of all sources, and those of validation.
  package var files: [String] {
    if case .files(let paths) = validation { train + paths } else { train }
  }

  /// Where what is made of the data lies.
  var space: ColumnSpace { cache.map { .files($0.folder) } ?? .memory }

  /// Whether rows have labels to learn; the sources agree about that.
  package var isLabelled: Bool { sources.first?.decidedFormat.isLabelled ?? false }

  /// Whether labels have names.
  var hasLabelNames: Bool {
    [DataFormat.classification, .tokenClassification].contains(sources.first?.decidedFormat)
  }
}

/// All data, tokenised, packed or cut, and divided into training and validation.
package struct Dataset: Sendable {
  package internal(set) var train: TokenSequences
  /// Which sequences of `train` each source has; none is empty.
  package let trainSources: [Range<Int>]
  /// The shares of the sources, relative to each other.
  package let weights: [Double]
  /// nil if there is no validation.
  package internal(set) var validation: TokenSequences?
  package let summary: DataSummary
  /// The template of chats where the settings name one: the trained model needs it.
  package let namedTemplate: [UInt8]?
  /// The labels of a classification, whose indices are the numbers of its sequences; nil for other data.
  package let labels: [String]?
  package let options: DataOptions
  let encoder: DocumentEncoder

  /// Which source each sample of a run comes from.
  /// - Parameter runLength: samples of the run.
  package func schedule(runLength: Int) -> SourceSchedule {
    SourceSchedule(
      options.order, weights: weights, samples: trainSources.map { $0.count / train.rowsPerSample },
      epochs: options.sources.map(\.epochs), uses: options.sources.map(\.use),
      moving: options.sources.map(\.moving), runLength: runLength)
  }

  /// Whether shares change as a run goes on.
  package var hasChangingShares: Bool {
    options.order != .mixed || options.sources.contains { $0.epochs != nil || $0.moving != nil }
  }

  /// Whether validation has files of its own, and is no share of what is trained on.
  package var hasValidationFiles: Bool { summary.validationFiles != nil }

  /// Bytes in memory.
  package var bytes: Int { train.bytes + (validation?.bytes ?? 0) }

  /// Reads, checks and encodes all files in memory.
  /// - Throws: `UserErrors` with the mistakes of all files at once.
  package init(_ options: DataOptions, encoder: DocumentEncoder) throws {
    var options = options
    options.cache = nil
    let reading = try DatasetReading(options, encoder: encoder)
    let arranged = try ArrangedData(try reading.read(), reading.options)
    try self.init(arranged, of: reading)
  }

  /// - Throws: if there is nothing to learn.
  init(_ arranged: ArrangedData, of reading: DatasetReading) throws {
    let options = reading.options
    self.options = options
    encoder = reading.encoder
    labels = reading.labels?.names
    train = arranged.train
    trainSources = arranged.trainSources
    validation = arranged.validation
    namedTemplate = arranged.namedTemplate
    weights = zip(options.sources, arranged.trainSources).map { source, sequences in
      let samples = Double(sequences.count / arranged.train.rowsPerSample)
      return source.weight * (options.temperature.map { pow(samples, 1 / $0) } ?? 1)
    }
    summary = DataSummary(
      trainFiles: arranged.trainFiles, validationFiles: arranged.validationFiles,
      train: SequencesSummary(train), validation: validation.map(SequencesSummary.init))
    try checkTargets(options)
  }

  /// - Throws: if something that was read of a cache was not what was written there.
  package func check() throws {
    try train.check()
    try validation?.check()
  }

  /// - Throws: if there is nothing to learn, or no loss to measure.
  private func checkTargets(_ options: DataOptions) throws {
    guard options.wishes.needsLabels else { return }
    if train.targetCount == 0 {
      throw UserErrors([summary.trainFiles.noTarget(at: options.names.data, options)])
    }
    guard validation?.targetCount == 0 else { return }
    if let files = summary.validationFiles {
      throw UserErrors([files.noTarget(at: "data.validation", options)])
    }
    throw UserErrors([
      UserError(
        .data, "the share that was taken holds no token to predict", at: "data.validation",
        hint: "raise the share, or write 0 for no validation")
    ])
  }

  static func check(_ options: DataOptions) throws {
    var mistakes: [UserError] = []
    if options.sources.isEmpty || options.sources.contains(where: \.files.isEmpty) {
      mistakes.append(UserError(.usage, "names no file", at: options.names.data))
    }
    if options.tokensOfSequence < 2 || options.sequenceLength > Int32.max {
      let virtual = options.virtual.count
      mistakes.append(
        UserError(
          .usage,
          "must be at least \(2 + virtual)"
            + (virtual > 0 ? " with \(counted(virtual, "virtual token"))" : "")
            + ", but is \(options.sequenceLength)", at: options.names.sequenceLength,
          hint: virtual > 0
            ? "virtual tokens count as others do" : "the last token of a sequence predicts nothing"))
    }
    if options.packing, options.virtual != .none {
      mistakes.append(
        UserError(
          .usage, "is true, and virtual tokens stand before each row", at: options.names.packing,
          hint: "leave it out"))
    }
    for source in options.sources {
      mistakes += source.columns.mistakes(for: source.format, setting: options.names.columns)
      if source.decidedFormat.isLabelled != options.isLabelled {
        mistakes.append(
          UserError(
            .usage, "some are learned row by row and others not", at: "data.sources",
            hint: "train on them in runs of their own"))
      }
    }
    if options.isLabelled {
      if options.packing {
        mistakes.append(
          UserError(
            .usage, "is true, and rows of this format are learned one by one",
            at: options.names.packing, hint: "set it to false"))
      }
      if let labels = options.labels { mistakes += Labels.mistakes(labels, setting: "labels") }
    }
    switch options.validation {
    case .none: break
    case .share(let share):
      if !(share >= 0 && share < 1) {
        mistakes.append(
          UserError(.usage, "a share must be at least 0 and below 1, but is \(share)", at: "data.validation"))
      }
    case .files(let paths):
      if options.format.decided(by: options.columns).isLabelled != options.isLabelled {
        mistakes.append(
          UserError(
            .usage,
            options.isLabelled
              ? "its files have no labels, and those of training have"
              : "its files have labels, and those of training have none",
            at: "data.validation", hint: "data.format and data.columns are for validation files"))
      }
      if paths.isEmpty {
        mistakes.append(
          UserError(.usage, "names no file", at: "data.validation", hint: "write 0 for no validation"))
      }
    }
    if !mistakes.isEmpty { throw UserErrors(mistakes) }
  }
}
