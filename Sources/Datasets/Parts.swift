// The sequences of sources on their way from files to training and validation.
import Base

/// What was read of one source: whole documents that will be joined, and rows, already cut to the sequence length.
struct LoadedSource {
  var documents: TokenSequences
  var rows: TokenSequences
  var files: [FileSummary] = []
  /// The template of its chats where the settings name one, as a model's folder holds it.
  var namedTemplate: [UInt8]?
}

/// Blocks of joined text, and rows, before rows are packed.
struct Parts {
  var blocks: TokenSequences
  var rows: TokenSequences
  /// Tokens of joined text that did not fill a block.
  var dropped = 0

  init(_ source: LoadedSource, _ options: DataOptions) throws {
    blocks = source.documents
    rows = source.rows
    guard blocks.count > 0 else { return }
    let tokens = blocks.tokenCount
    let length = options.tokensOfSequence
    dropped = try blocks.joinIntoBlocks(of: length, keepsRest: options.readsWhole, in: options.space)
    guard blocks.count > 0 else {
      throw UserErrors([
        UserError(
          .data, "all text together has \(tokens) tokens, too few for one block of \(length)",
          at: options.names.data,
          hint: "lower data.sequence_length, or set data.packing: false")
      ])
    }
  }

  private init(blocks: TokenSequences, rows: TokenSequences) {
    self.blocks = blocks
    self.rows = rows
  }

  /// How many blocks and rows of files there are.
  var count: Int {
    blocks.count + (0..<rows.count).count { !rows.continuesRow($0) }
  }

  /// Takes `size` of the blocks and rows, each with all its sequences.
  mutating func take(_ size: Int, seed: UInt64, in space: ColumnSpace) throws -> Parts {
    let taken = SampleOrder(count: count, seed: seed, shuffle: true).choose(size)
    let split = blocks.count
    let ofBlocks = try blocks.split(taken.filter { $0 < split }, in: space)
    let ofRows = try rows.split(sequences(ofRows: taken.filter { $0 >= split }.map { $0 - split }), in: space)
    (blocks, rows) = (ofBlocks.kept, ofRows.kept)
    return Parts(blocks: ofBlocks.taken, rows: ofRows.taken)
  }

  /// The sequences of some rows of files.
  /// - Parameter taken: ascending.
  private func sequences(ofRows taken: [Int]) -> [Int] {
    guard rows.kind.isOfRows else { return taken }
    var (found, row, next) = ([Int](), -1, 0)
    for sequence in 0..<rows.count {
      if !rows.continuesRow(sequence) { row += 1 }
      while next < taken.count, taken[next] < row { next += 1 }
      if next < taken.count, taken[next] == row { found.append(sequence) }
    }
    return found
  }

  /// Joins both, with blocks before rows.
  mutating func sequences(_ options: DataOptions) throws -> TokenSequences {
    if options.packing {
      if options.packingFits {
        try rows.fitRows(into: options.sequenceLength, in: options.space)
      } else {
        try rows.packRows(into: options.sequenceLength, in: options.space)
      }
    }
    return blocks.count == 0 ? rows : try blocks.joined(with: rows, in: options.space)
  }
}

/// The sequences of several sources, one source behind the other.
struct JoinedParts {
  private(set) var sequences: TokenSequences
  /// Which sequences each source has.
  private(set) var sources: [Range<Int>] = []
  /// What was held out for validation; nil without a share.
  private(set) var share: TokenSequences?
  private(set) var files: FilesSummary

  /// - Parameter share: what each source that is learned gives to validation.
  init(_ loaded: [LoadedSource], share: Double, _ options: DataOptions) throws {
    sequences = TokenSequences(files: loaded.first?.rows.files ?? [])
    files = FilesSummary(files: loaded.flatMap(\.files))
    var parts = try loaded.map { try Parts($0, options) }
    var sizes = parts.map { _ in 0 }
    if share > 0 {
      let learned = parts.indices.filter { options.sources[$0].use == .learned }
      for (index, size) in zip(learned, try Self.sizes(share, of: learned.map { parts[$0].count })) {
        sizes[index] = size
      }
    }
    for (index, size) in sizes.enumerated() {
      files.droppedTokens += parts[index].dropped
      if size > 0 {
        var taken = try parts[index].take(size, seed: options.seed, in: options.space)
        let own = try taken.sequences(options)
        self.share = try self.share?.joined(with: own, in: options.space) ?? own
      }
      if let other = parts[..<index].first(where: { $0.count > 0 }), parts[index].count > 0,
        other.rows.rowsPerSample != parts[index].rows.rowsPerSample
          || other.rows.numbersPerSequence != parts[index].rows.numbersPerSequence
      {
        throw UserErrors([
          UserError(
            .data, "rows of one have other columns than those of another", at: "data.sources",
            hint: "pairs, triplets and scores are not mixed")
        ])
      }
      let start = sequences.count
      let own = try parts[index].sequences(options)
      sequences = index == 0 ? own : try sequences.joined(with: own, in: options.space)
      sources.append(start..<sequences.count)
    }
  }

  /// How many sequences each source gives to validation: its share, rounded, and all together at least one.
  private static func sizes(_ share: Double, of counts: [Int]) throws -> [Int] {
    var sizes = counts.map { Int((share * Double($0)).rounded()) }
    if sizes.allSatisfy({ $0 == 0 }), let largest = counts.indices.max(by: { counts[$0] < counts[$1] }) {
      sizes[largest] = 1
    }
    if let count = zip(sizes, counts).first(where: { $0 >= $1 })?.1 {
      throw UserErrors([
        UserError(
          .data, "a share of \(share) of \(count) sequences leaves none to train on", at: "data.validation",
          hint: "lower the share or add data")
      ])
    }
    return sizes
  }
}
