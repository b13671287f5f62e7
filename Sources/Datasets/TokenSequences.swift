// All sequences of a data set: an index of sequences, and the store that their tokens lie in.
import Base

/// Where a span came from, to name offending samples later.
package struct SampleSource: Hashable, Sendable, BitwiseCopyable {
  /// Index into `TokenSequences.files`.
  package var file: Int32
  /// From 1; 0 means the whole file.
  package var line: Int32
  /// The number of the row in its file, from 0: a line of a .json list may hold many.
  package var row: Int32

  package init(file: Int, line: Int, row: Int = 0) {
    self.file = Int32(clamping: file)
    self.line = Int32(clamping: line)
    self.row = Int32(clamping: row)
  }
}

/// What is learned from sequences.
package enum SequenceKind: String, Sendable {
  /// The next token, wherever the loss mask says so.
  case nextTokens
  /// A label of each token.
  case tokenLabels
  /// Something about a sequence, or several of them, as a whole.
  case wholes
  /// The next token wherever the loss mask says so, as far as the sequence as a whole asks for it.
  case answers
}

extension SequenceKind {
  /// Whether what is learned is that of a row, and not of its tokens one by one.
  var isOfRows: Bool { self == .wholes || self == .answers }

  /// Whether next tokens are predicted, wherever the loss mask says so.
  package var isOfNextTokens: Bool { self == .nextTokens || self == .answers }
}

/// Tokenised sequences, in file order. Tokens are numbered in the order of the sequences, wherever they lie.
package struct TokenSequences: Sendable {
  /// Paths as the user wrote them.
  package internal(set) var files: [String]
  /// The length that all sequences are padded to; nil: the longest of their micro-batch.
  package internal(set) var blockLength: Int?
  package internal(set) var kind = SequenceKind.nextTokens
  /// How many neighbouring sequences make one sample, such as the two texts of a pair: they stay together.
  package internal(set) var rowsPerSample = 1
  /// What stands before the tokens of every sequence in a batch.
  package var virtual = VirtualPositions.none
  var index = SequenceIndex()
  var store = TokenStore()
  /// Of a cache: what was mapped since pages were last given back.
  var pages: TouchedPages?
  /// Of a cache: the checksum that was computed when it was made.
  var knownChecksum: UInt64?

  package init(files: [String]) { self.files = files }

  /// - Parameter longest: what the length of rows is rounded up within, so that a sequence has the same padding whatever
  ///   others there are.
  package init(files: [String], longest: Int) {
    self.files = files
    index.longest = longest
  }

  /// The first token of a row that something can predict: the last virtual token predicts the first one.
  var firstTarget: Int { virtual.rows > 0 ? 0 : 1 }

  /// How many sequences there are.
  package var count: Int { index.count }

  /// The spans of a sequence.
  package func spans(of sequence: Int) -> Range<Int> { index.spans(of: sequence) }

  /// One source for each span.
  package var spanSources: Column<SampleSource> { index.sources }

  /// A span's tokens among `tokens`.
  package func tokenRange(ofSpan span: Int) -> Range<Int> { index.spans.range(of: span) }

  /// A sequence's tokens among `tokens`.
  package func tokenRange(of sequence: Int) -> Range<Int> { index.tokenRange(of: sequence) }

  /// How many tokens a sequence has, without padding.
  package func length(of sequence: Int) -> Int { tokenRange(of: sequence).count }

  /// Tokens of the longest row of any micro-batch, padding and virtual ones included.
  package var longestRow: Int { (blockLength ?? index.longest) + virtual.rows }

  /// How many tokens the text has that a sequence answers to.
  func answeredLength(of sequence: Int) -> Int {
    index.answered.isEmpty ? 0 : index.answered.length(of: sequence)
  }

  /// Tokens of the longest text that a sequence answers to; 0 without such texts.
  package var longestAnswered: Int { index.answered.longest }

  /// The length of the rows of a micro-batch whose longest sequence has this many tokens.
  ///
  /// Every length has a program of its own, so lengths are rounded up to get few of them: by an eighth at most, and
  /// never beyond the longest sequence.
  func rowLength(longest tokens: Int) -> Int {
    blockLength ?? min(Self.rounded(tokens), index.longest)
  }

  /// The same for the texts that sequences answer to.
  func answeredRowLength(longest tokens: Int) -> Int { min(Self.rounded(tokens), index.answered.longest) }

  private static func rounded(_ length: Int) -> Int {
    let unit = max(1, 1 << (Int.bitWidth - length.leadingZeroBitCount - 4))
    return (length + unit - 1) / unit * unit
  }

  /// The same sequences, of which as many neighbours make one sample.
  package func grouped(by rows: Int) -> TokenSequences {
    var grouped = self
    grouped.rowsPerSample = rows
    return grouped
  }

  /// How many samples there are.
  package var samples: Int { count / rowsPerSample }

  /// The tokens of a sample's longest row, with the text that it answers to.
  package func length(ofSample sample: Int) -> Int32 {
    (sample * rowsPerSample..<(sample + 1) * rowsPerSample).reduce(0) {
      max($0, Int32(clamping: length(of: $1) + answeredLength(of: $1)))
    }
  }

  /// The sequences of the sample that a sequence belongs to.
  package func sample(of sequence: Int) -> Range<Int> {
    let first = sequence / rowsPerSample * rowsPerSample
    return first..<first + rowsPerSample
  }

  /// Where a sequence begins in its file.
  package func source(of sequence: Int) -> SampleSource {
    index.sources[spans(of: sequence).lowerBound]
  }

  /// Whether a sequence is of the same row of a file as the one before it: a sample of several, or the windows of a long
  /// text.
  func continuesRow(_ sequence: Int) -> Bool {
    kind.isOfRows && sequence > 0 && source(of: sequence) == source(of: sequence - 1)
  }

  /// The sequences that each row of a file has become.
  package var fileRows: [Range<Int>] {
    var ranges: [Range<Int>] = []
    for sequence in 0..<count {
      if continuesRow(sequence), let last = ranges.last {
        ranges[ranges.count - 1] = last.lowerBound..<sequence + 1
      } else {
        ranges.append(sequence..<sequence + 1)
      }
    }
    return ranges
  }

  /// Where the rows of all sequences begin, each once, in their order.
  package var rowPlaces: [SampleSource] {
    var seen: Set<SampleSource> = []
    return index.sources.filter { seen.insert($0).inserted }
  }

  /// How many units of the loss each sequence has: positions with a target, or 1 for its label.
  package var targetCounts: Column<Int32> { index.targetCounts }

  package var numbersPerSequence: Int { index.numbersPerSequence }

  /// Numbers that belong to sequences and not to tokens, `numbersPerSequence` for each: the index of its label.
  package var numbers: Column<Float> { index.numbers }

  /// The numbers of a sequence.
  package func numbers(of sequence: Int) -> ArraySlice<Float> {
    index.numbers.slice(index.numbers(of: sequence))
  }

  /// Whether some token has a type other than 0.
  package var hasTypes: Bool { !index.zeroTypes.isEmpty }

  /// Whether some sequence has tokens behind a target that are none, so that counts alone do not tell what is learned.
  package var hasScatteredTargets: Bool { index.hasScatteredTargets }

  /// How many tokens at the start of a span have type 0; the others have type 1.
  package func zeroTypes(ofSpan span: Int) -> Int { index.zeroTypes(ofSpan: span) }

  /// Units of the loss of some sequences, without building a batch.
  package func targetCount(of sequences: some Swift.Sequence<Int>) -> Int {
    sequences.reduce(0) { $0 + Int(targetCounts[$1]) }
  }

  /// Units of the loss of all sequences.
  package var targetCount: Int { index.units }

  /// How many tokens all sequences have.
  package var tokenCount: Int { index.spans.tokenCount }

  /// The largest token, and the largest of the texts that sequences answer to; a negative one counts as a large one.
  package var largestTokens: [Int32] {
    let largest = store.largest
    return [Int32(bitPattern: largest.token), Int32(bitPattern: largest.text)]
  }

  /// Bytes in memory: a little more than four per token, and some for each span and sequence. Pages of a cache, which the
  /// system may take away, do not count.
  package var bytes: Int {
    index.bytesInMemory + store.chunks.reduce(0) { $0 + $1.bytesInMemory }
  }

  /// The places a sequence came from, each as `file:line` (or `file`, for a whole file), in order.
  package func sources(of sequence: Int) -> [String] {
    spans(of: sequence).map { name(of: index.sources[$0]) }
  }

  /// A place as `file:line` (or `file`, for a whole file).
  package func name(of place: SampleSource) -> String {
    let file = files[Int(place.file)]
    return place.line == 0 ? file : "\(file):\(place.line)"
  }

  /// - Throws: if something that was read of a cache was not what was written there.
  package func check() throws { try store.check() }
}
