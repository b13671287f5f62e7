// The sequences of sources on their way from files to training and validation.
import Base

/// Blocks of joined text, and rows, before rows are packed.
struct Parts {
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
    let length = loader.options.tokensOfSequence
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

  /// How many blocks and rows of files there are.
  var count: Int { blocks.count + rows.fileRows.count }

  /// Takes `size` of the blocks and rows, each with all its sequences.
  mutating func take(_ size: Int, seed: UInt64) -> Parts {
    let taken = SampleOrder(count: count, seed: seed, shuffle: true).choose(size)
    let split = blocks.count
    let fileRows = rows.fileRows
    return Parts(
      blocks: blocks.remove(taken.filter { $0 < split }),
      rows: rows.remove(taken.filter { $0 >= split }.flatMap { fileRows[$0 - split] }))
  }

  /// Joins both, with blocks before rows.
  mutating func sequences(_ options: DataOptions) -> TokenSequences {
    if options.packing {
      if options.packingFits {
        rows.fitRows(into: options.sequenceLength)
      } else {
        rows.packRows(into: options.sequenceLength)
      }
    }
    if blocks.count == 0 { return rows }
    for sequence in 0..<rows.count { blocks.append(sequence: sequence, of: rows) }
    return blocks
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

  /// - Parameter share: what each source gives to validation.
  init(takingFrom loaders: inout [FileLoader], share: Double, _ options: DataOptions) throws {
    sequences = TokenSequences(files: loaders.first?.rows.files ?? [])
    files = FilesSummary(files: loaders.flatMap(\.files))
    var parts = try loaders.indices.map { try Parts(takingFrom: &loaders[$0]) }
    let sizes = share > 0 ? try Self.sizes(share, of: parts.map(\.count)) : parts.map { _ in 0 }
    for (index, size) in sizes.enumerated() {
      files.droppedTokens += parts[index].dropped
      if size > 0 {
        var taken = parts[index].take(size, seed: options.seed)
        self.share = Self.joined(self.share, taken.sequences(options))
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
      sequences = Self.joined(index == 0 ? nil : sequences, parts[index].sequences(options))
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

  /// The first is not copied.
  private static func joined(_ first: consuming TokenSequences?, _ second: TokenSequences) -> TokenSequences {
    guard var all = first else { return second }
    for sequence in 0..<second.count { all.append(sequence: sequence, of: second) }
    return all
  }
}
