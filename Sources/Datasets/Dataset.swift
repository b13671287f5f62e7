// From the files of a recipe to the sequences that are trained and validated on.
import Base

/// Where validation sequences come from.
package enum ValidationSource: Equatable, Sendable {
  case none
  /// This share, in 0..<1, of the train sequences, which are then not trained on; 0 is `none`.
  case share(Double)
  case files([String])
}

/// What a recipe says about its data.
package struct DataOptions: Equatable, Sendable {
  package var train: [String]
  package var validation: ValidationSource
  package var format: DataFormat
  /// Where the columns of the format are in all files, of validation too.
  package var columns: DataColumns
  /// The labels of a classification in order; nil to find them in `train`.
  package var labels: [String]?
  /// Whether rows that may have labels must have them: not where they are to be predicted.
  package var needsLabels = true
  /// Labelled rows are not packed.
  package var packing: Bool
  /// With `document`, no token has to predict the first token of the next document of joined text.
  package var packingMask: PackingMask
  /// In tokens, at least 2.
  package var sequenceLength: Int
  /// Decides which sequences go to a validation share.
  package var seed: UInt64
  /// Whether every token is read, as a loss is measured: the last block may be short, and text that is longer than a
  /// sequence goes on in another. Training drops both. Validation files are always read whole.
  package var readsWhole: Bool
  package var names: DataSettingNames

  package init(
    train: [String], validation: ValidationSource = .none, format: DataFormat = .auto,
    columns: DataColumns = DataColumns(), labels: [String]? = nil, packing: Bool,
    packingMask: PackingMask = .none, sequenceLength: Int, seed: UInt64, readsWhole: Bool = false,
    names: DataSettingNames = .recipe
  ) {
    self.train = train
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
}

/// All data, tokenised, packed or cut, and divided into training and validation.
package struct Dataset: Sendable {
  package let train: TokenSequences
  /// nil if there is no validation.
  package let validation: TokenSequences?
  package let summary: DataSummary
  /// The labels of a classification, whose indices are the numbers of its sequences; nil for other data.
  package let labels: [String]?

  /// Bytes in memory.
  package var bytes: Int { train.bytes + (validation?.bytes ?? 0) }

  /// Reads, checks and encodes all files.
  /// A validation share takes indivisible units: blocks of joined text, or rows before they are packed. So the rows
  /// held out do not depend on how rows are packed.
  /// - Throws: `UserErrors` with the mistakes of all files at once.
  package init(_ options: DataOptions, encoder: DocumentEncoder) throws {
    try Self.check(options)
    let isLabelled = options.format.decided(by: options.columns).isLabelled
    labels = isLabelled ? try options.labels ?? Labels.found(in: options.train, options) : nil
    let labels = labels.map { Labels($0) }
    var trainLoader = FileLoader(options.train, options: options, labels: labels, encoder: encoder)
    var validationLoader: FileLoader?
    if case .files(let paths) = options.validation {
      var whole = options
      whole.readsWhole = true
      validationLoader = FileLoader(paths, options: whole, labels: labels, encoder: encoder)
    }
    let mistakes = trainLoader.mistakes + (validationLoader?.mistakes ?? [])
    guard mistakes.isEmpty else { throw UserErrors(mistakes) }

    var trainParts = try Parts(takingFrom: &trainLoader)
    var validationParts: Parts?
    var validationFiles: FilesSummary?
    if var loader = validationLoader.take() {
      let parts = try Parts(takingFrom: &loader)
      validationFiles = FilesSummary(files: loader.files, droppedTokens: parts.dropped)
      validationParts = parts
    }
    if case .share(let share) = options.validation, share > 0 {
      validationParts = try trainParts.takeShare(share, seed: options.seed)
    }
    let trainFiles = FilesSummary(files: trainLoader.files, droppedTokens: trainParts.dropped)
    train = trainParts.sequences(options)
    validation = validationParts?.sequences(options)
    summary = DataSummary(
      trainFiles: trainFiles, validationFiles: validationFiles, train: SequencesSummary(train),
      validation: validation.map(SequencesSummary.init))
    try checkTargets(options)
  }

  /// - Throws: if there is nothing to learn, or no loss to measure.
  private func checkTargets(_ options: DataOptions) throws {
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

  private static func check(_ options: DataOptions) throws {
    var mistakes: [UserError] = []
    if options.train.isEmpty { mistakes.append(UserError(.usage, "names no file", at: options.names.data)) }
    if options.sequenceLength < 2 || options.sequenceLength > Int32.max {
      mistakes.append(
        UserError(
          .usage, "must be at least 2, but is \(options.sequenceLength)", at: options.names.sequenceLength,
          hint: "the last token of a sequence predicts nothing"))
    }
    mistakes += options.columns.mistakes(for: options.format, setting: options.names.columns)
    if options.format.decided(by: options.columns).isLabelled {
      if options.packing {
        mistakes.append(
          UserError(
            .usage, "is true, and each row of format classification has a label of its own",
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
      if paths.isEmpty {
        mistakes.append(
          UserError(.usage, "names no file", at: "data.validation", hint: "write 0 for no validation"))
      }
    }
    if !mistakes.isEmpty { throw UserErrors(mistakes) }
  }
}

/// Blocks of joined text, and rows, before rows are packed.
private struct Parts {
  var blocks: TokenSequences
  var rows: TokenSequences
  /// Tokens of joined text that did not fill a block.
  var dropped = 0

  /// Moves the sequences out of the loader, since copies would be as big as the data.
  init(takingFrom loader: inout FileLoader) throws {
    blocks = TokenSequences(files: loader.documents.files)
    rows = blocks
    swap(&blocks, &loader.documents)
    swap(&rows, &loader.rows)
    guard blocks.count > 0 else { return }
    let tokens = blocks.tokens.count
    let length = loader.options.sequenceLength
    dropped = blocks.joinIntoBlocks(of: length, keepsRest: loader.options.readsWhole)
    guard blocks.count > 0 else {
      throw UserErrors([
        UserError(
          .data, "all text together has \(tokens) tokens, too few for one block of \(length)",
          at: loader.options.names.data,
          hint: "lower data.sequence_length, or set data.packing: false")
      ])
    }
  }

  init(blocks: TokenSequences, rows: TokenSequences) {
    self.blocks = blocks
    self.rows = rows
  }

  var count: Int { blocks.count + rows.count }

  /// Takes a share of the blocks and rows, at least one of them.
  mutating func takeShare(_ share: Double, seed: UInt64) throws -> Parts {
    let size = max(1, Int((share * Double(count)).rounded()))
    guard size < count else {
      throw UserErrors([
        UserError(
          .data, "a share of \(share) of \(count) sequences leaves none to train on", at: "data.validation",
          hint: "lower the share or add data")
      ])
    }
    let taken = SampleOrder(count: count, seed: seed, shuffle: true).choose(size)
    let split = blocks.count
    return Parts(
      blocks: blocks.remove(taken.filter { $0 < split }),
      rows: rows.remove(taken.filter { $0 >= split }.map { $0 - split }))
  }

  /// Joins both, with blocks before rows.
  mutating func sequences(_ options: DataOptions) -> TokenSequences {
    if options.packing { rows.packRows(into: options.sequenceLength) }
    if blocks.count == 0 { return rows }
    for sequence in 0..<rows.count { blocks.append(sequence: sequence, of: rows) }
    return blocks
  }
}
