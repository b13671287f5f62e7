// All sequences of a data set in flat arrays: a sequence is a range of spans, a span is a range of tokens.
//
//   tokens      | t t t t t | t t t | t t t t t t | …      one array, nothing stored twice
//   spans         one document, or the part of it that lies within one block
//   sequences     one row, or the spans of one packed block
import Base

/// Where a span came from, to name offending samples later.
package struct SampleSource: Hashable, Sendable {
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
package enum SequenceKind: Sendable {
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

/// Tokenised sequences, in file order.
package struct TokenSequences: Sendable {
  /// Paths as the user wrote them.
  package internal(set) var files: [String]
  /// The length that all sequences are padded to; nil: the longest of their micro-batch.
  package internal(set) var blockLength: Int?
  package internal(set) var tokens: [Int32] = []
  /// Whether predicting a token counts, one bit for each of `tokens`. The first token of a row never counts, unless
  /// virtual tokens stand before it, so nothing in a packed block has to predict the first token of the next row. The first token of a document of
  /// joined text counts unless documents are kept apart.
  package internal(set) var lossMask = LossMask()
  /// Ascending, and ends with `tokens.count`: span `p` is `spanStarts[p]..<spanStarts[p + 1]`.
  package internal(set) var spanStarts: [Int] = [0]
  /// One source for each span.
  package internal(set) var spanSources: [SampleSource] = []
  /// Ascending, and ends with the number of spans: sequence `s` is `firstSpans[s]..<firstSpans[s + 1]`.
  package internal(set) var firstSpans: [Int] = [0]
  /// How many units of the loss each sequence has: positions with a target, or 1 for its label.
  package internal(set) var targetCounts: [Int32] = []
  /// Numbers that belong to sequences and not to tokens, `numbersPerSequence` for each: the index of its label.
  package internal(set) var numbers: [Float] = []
  package internal(set) var numbersPerSequence = 0
  package internal(set) var kind = SequenceKind.nextTokens
  /// How many neighbouring sequences make one sample, such as the two texts of a pair: they stay together.
  package internal(set) var rowsPerSample = 1
  /// What stands before the tokens of every sequence in a batch.
  package var virtual = VirtualPositions.none
  /// For sequences of that kind, the index of each token's label, or `Batch.noTarget`.
  package internal(set) var tokenLabels: [Int32] = []
  /// The text that each sequence answers to, for models that read two; empty where sequences have none.
  package private(set) var answered = RaggedTokens()
  /// How many tokens at the start of each span have type 0; the others have type 1. Empty while all have type 0.
  private var zeroTypes: [Int32] = []
  /// The number of tokens of the longest sequence that was ever added.
  var longest = 0
  /// Whether some sequence has tokens behind a target that are none, so that counts alone do not tell what is learned.
  package private(set) var hasScatteredTargets = false

  package init(files: [String]) { self.files = files }

  /// The first token of a row that something can predict: the last virtual token predicts the first one.
  var firstTarget: Int { virtual.rows > 0 ? 0 : 1 }

  /// How many sequences there are.
  package var count: Int { firstSpans.count - 1 }

  /// The spans of a sequence.
  package func spans(of sequence: Int) -> Range<Int> {
    firstSpans[sequence]..<firstSpans[sequence + 1]
  }

  /// Where a span's tokens lie in `tokens`.
  package func tokenRange(ofSpan span: Int) -> Range<Int> {
    spanStarts[span]..<spanStarts[span + 1]
  }

  /// Where a sequence's tokens lie in `tokens`.
  package func tokenRange(of sequence: Int) -> Range<Int> {
    spanStarts[firstSpans[sequence]]..<spanStarts[firstSpans[sequence + 1]]
  }

  /// How many tokens a sequence has, without padding.
  package func length(of sequence: Int) -> Int { tokenRange(of: sequence).count }

  /// Tokens of the longest row of any micro-batch, padding and virtual ones included.
  package var longestRow: Int { (blockLength ?? longest) + virtual.rows }

  /// How many tokens the text has that a sequence answers to.
  func answeredLength(of sequence: Int) -> Int { answered.isEmpty ? 0 : answered[sequence].count }

  /// Tokens of the longest text that a sequence answers to; 0 without such texts.
  package var longestAnswered: Int { answered.longest }

  /// The length of the rows of a micro-batch whose longest sequence has this many tokens.
  ///
  /// Every length has a program of its own, so lengths are rounded up to get few of them: by an eighth at most, and
  /// never beyond the longest sequence.
  func rowLength(longest tokens: Int) -> Int {
    blockLength ?? min(Self.rounded(tokens), longest)
  }

  /// The same for the texts that sequences answer to.
  func answeredRowLength(longest tokens: Int) -> Int { min(Self.rounded(tokens), answered.longest) }

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

  /// The tokens of each sample's longest row, with the text that it answers to.
  package var sampleLengths: [Int32] {
    (0..<samples).map { sample in
      (sample * rowsPerSample..<(sample + 1) * rowsPerSample).reduce(0) {
        max($0, Int32(clamping: length(of: $1) + answeredLength(of: $1)))
      }
    }
  }

  /// The sequences of the sample that a sequence belongs to.
  package func sample(of sequence: Int) -> Range<Int> {
    let first = sequence / rowsPerSample * rowsPerSample
    return first..<first + rowsPerSample
  }

  /// Where a sequence begins in its file.
  package func source(of sequence: Int) -> SampleSource { spanSources[firstSpans[sequence]] }

  /// The sequences that each row of a file has become: a sample of several, or the windows of a long text.
  package var fileRows: [Range<Int>] {
    var ranges: [Range<Int>] = []
    for sequence in 0..<count {
      if kind.isOfRows, let last = ranges.last, source(of: last.lowerBound) == source(of: sequence) {
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
    return spanSources.filter { seen.insert($0).inserted }
  }

  /// The numbers of a sequence.
  package func numbers(of sequence: Int) -> ArraySlice<Float> {
    numbers[sequence * numbersPerSequence..<(sequence + 1) * numbersPerSequence]
  }

  /// Whether some token has a type other than 0.
  package var hasTypes: Bool { !zeroTypes.isEmpty }

  /// How many tokens at the start of a span have type 0; the others have type 1.
  package func zeroTypes(ofSpan span: Int) -> Int {
    zeroTypes.isEmpty ? tokenRange(ofSpan: span).count : Int(zeroTypes[span])
  }

  /// Units of the loss of some sequences, without building a batch.
  package func targetCount(of sequences: some Swift.Sequence<Int>) -> Int {
    sequences.reduce(0) { $0 + Int(targetCounts[$1]) }
  }

  /// Units of the loss of all sequences.
  package var targetCount: Int { targetCounts.reduce(0) { $0 + Int($1) } }

  /// Bytes in memory: a little more than four per token, and some for each span and sequence.
  package var bytes: Int {
    tokens.count * 4 + lossMask.bytes + spanStarts.count * 8 + spanSources.count
      * MemoryLayout<SampleSource>.stride + firstSpans.count * 8
      + targetCounts.count * 4 + numbers.count * 4 + zeroTypes.count * 4 + tokenLabels.count * 4
      + answered.bytes
  }

  /// The places a sequence came from, each as `file:line` (or `file`, for a whole file), in order.
  package func sources(of sequence: Int) -> [String] {
    spans(of: sequence).map { name(of: spanSources[$0]) }
  }

  /// A place as `file:line` (or `file`, for a whole file).
  package func name(of place: SampleSource) -> String {
    let file = files[Int(place.file)]
    return place.line == 0 ? file : "\(file):\(place.line)"
  }
}

extension TokenSequences {
  /// Adds one sequence of one span.
  /// - Parameter firstTarget: predicting tokens before this one does not count. With 0 even the first token counts,
  ///   as it must for documents that are joined without a mask between them.
  package mutating func append(_ added: ArraySlice<Int32>, firstTarget: Int, source: SampleSource) {
    append(added, targets: [min(firstTarget, added.count)..<added.count], source: source)
  }

  /// Adds one sequence of one span of which some parts are predicted.
  /// - Parameter targets: in ascending order, counted from the first of the tokens, within them.
  package mutating func append(
    _ added: ArraySlice<Int32>, targets: [Range<Int>], source: SampleSource
  ) {
    let units = appendSpan(added, targets: targets, source)
    endSequence(units: Int32(clamping: units), numbers: [])
  }

  /// Adds the tokens of one span, which end no sequence yet.
  /// - Returns: how many of the targets something can predict.
  mutating func appendSpan(
    _ added: ArraySlice<Int32>, targets: [Range<Int>], _ source: SampleSource
  ) -> Int {
    longest = max(longest, added.count)
    tokens.append(contentsOf: added)
    var (end, units) = (0, 0)
    for range in targets {
      lossMask.append(false, count: range.lowerBound - end)
      lossMask.append(true, count: range.count)
      end = range.upperBound
      units += max(0, end - max(firstTarget, range.lowerBound))
    }
    lossMask.append(false, count: added.count - end)
    if targets.count > 1 || !targets.isEmpty && end < added.count { hasScatteredTargets = true }
    endSpan(zeroTypes: added.count, source)
    return units
  }

  /// Adds one sequence of one span that answers to a text of its own; its first token only begins the answer.
  package mutating func append(
    _ added: ArraySlice<Int32>, answering text: ArraySlice<Int32>, source: SampleSource
  ) {
    precondition(answered.count == count, "either all sequences answer to a text or none")
    append(added, firstTarget: 1, source: source)
    answered.append(text)
  }

  /// Adds one sequence of one span that is learned as a whole, or with others of its sample.
  /// - Parameters:
  ///   - zeroTypes: how many tokens at its start have type 0; the others have type 1.
  ///   - numbers: as many for all sequences.
  ///   - units: of the loss.
  package mutating func append(
    _ added: ArraySlice<Int32>, zeroTypes: Int, numbers: [Float], units: Int = 1, source: SampleSource
  ) {
    append(added, of: .wholes, zeroTypes: zeroTypes, source)
    endSequence(units: Int32(clamping: units), numbers: numbers[...])
  }

  /// Adds one sequence of one span in which tokens have labels.
  /// - Parameter labels: the index of each token's label, or `Batch.noTarget`.
  package mutating func append(_ added: ArraySlice<Int32>, labels: [Int32], source: SampleSource) {
    precondition(labels.count == added.count, "each token has a label or none")
    append(added, of: .tokenLabels, zeroTypes: added.count, source)
    tokenLabels += labels
    endSequence(units: Int32(clamping: labels.count { $0 != Batch.noTarget }), numbers: [])
  }

  private mutating func append(
    _ added: ArraySlice<Int32>, of kind: SequenceKind, zeroTypes: Int, _ source: SampleSource
  ) {
    precondition(count == 0 || kind == self.kind, "sequences of one set are of one kind")
    self.kind = kind
    longest = max(longest, added.count)
    tokens.append(contentsOf: added)
    lossMask.append(false, count: added.count)
    endSpan(zeroTypes: zeroTypes, source)
  }

  /// Ends a span behind the tokens that are there.
  private mutating func endSpan(zeroTypes zeros: Int, _ source: SampleSource) {
    let start = spanStarts[spanStarts.count - 1]
    if zeroTypes.isEmpty, zeros < tokens.count - start {
      zeroTypes = spanSources.indices.map { Int32(tokenRange(ofSpan: $0).count) }
    }
    if hasTypes || zeros < tokens.count - start { zeroTypes.append(Int32(zeros)) }
    spanStarts.append(tokens.count)
    spanSources.append(source)
  }

  /// Ends a sequence behind the spans that are there.
  mutating func endSequence(units: Int32, numbers added: ArraySlice<Float>) {
    if count == 0 { numbersPerSequence = added.count }
    precondition(added.count == numbersPerSequence, "sequences with and without numbers are not mixed")
    numbers.append(contentsOf: added)
    firstSpans.append(spanSources.count)
    targetCounts.append(units)
  }

  /// Adds a sequence of another set that has the same files.
  mutating func append(sequence: Int, of other: TokenSequences) {
    precondition(count == 0 || kind == other.kind, "sequences of one set are of one kind")
    (kind, rowsPerSample, virtual) = (other.kind, other.rowsPerSample, other.virtual)
    hasScatteredTargets = hasScatteredTargets || other.hasScatteredTargets
    longest = max(longest, other.length(of: sequence))
    for span in other.spans(of: sequence) {
      let range = other.tokenRange(ofSpan: span)
      tokens.append(contentsOf: other.tokens[range])
      for index in range { lossMask.append(other.lossMask[index], count: 1) }
      if kind == .tokenLabels { tokenLabels += other.tokenLabels[range] }
      endSpan(zeroTypes: other.zeroTypes(ofSpan: span), other.spanSources[span])
    }
    endSequence(units: other.targetCounts[sequence], numbers: other.numbers(of: sequence))
    if !other.answered.isEmpty { answered.append(other.answered[sequence]) }
  }

  /// Several sets of the same files and kind, one behind the other.
  package static func joined(_ parts: [TokenSequences]) -> TokenSequences {
    guard var all = parts.first else { preconditionFailure("there is something to join") }
    for part in parts.dropFirst() {
      for sequence in 0..<part.count { all.append(sequence: sequence, of: part) }
    }
    return all
  }

  /// Takes some sequences out; both parts stay in file order.
  /// - Parameter taken: ascending.
  mutating func remove(_ taken: [Int]) -> TokenSequences {
    var removed = TokenSequences(files: files)
    removed.blockLength = blockLength
    (removed.kind, removed.rowsPerSample, removed.virtual) = (kind, rowsPerSample, virtual)
    var next = 0
    // The rest moves down within the same arrays, so that the data is never in memory twice.
    var (tokenEnd, spanEnd, sequenceEnd) = (0, 0, 0)
    for sequence in 0..<count {
      if next < taken.count, taken[next] == sequence {
        removed.append(sequence: sequence, of: self)
        next += 1
        continue
      }
      let spans = spans(of: sequence)
      for span in spans {
        let range = tokenRange(ofSpan: span)
        if range.lowerBound != tokenEnd {
          for (offset, index) in range.enumerated() {
            tokens[tokenEnd + offset] = tokens[index]
            lossMask.set(tokenEnd + offset, lossMask[index])
            if kind == .tokenLabels { tokenLabels[tokenEnd + offset] = tokenLabels[index] }
          }
        }
        if hasTypes { zeroTypes[spanEnd] = zeroTypes[span] }
        spanStarts[spanEnd] = tokenEnd
        spanSources[spanEnd] = spanSources[span]
        spanEnd += 1
        tokenEnd += range.count
      }
      firstSpans[sequenceEnd] = spanEnd - spans.count
      targetCounts[sequenceEnd] = targetCounts[sequence]
      for index in 0..<numbersPerSequence {
        numbers[sequenceEnd * numbersPerSequence + index] = numbers[sequence * numbersPerSequence + index]
      }
      sequenceEnd += 1
    }
    precondition(next == taken.count, "sequences to take out must be ascending and exist")
    tokens.removeLast(tokens.count - tokenEnd)
    lossMask.truncate(to: tokenEnd)
    if kind == .tokenLabels { tokenLabels.removeLast(tokenLabels.count - tokenEnd) }
    spanSources.removeLast(spanSources.count - spanEnd)
    if hasTypes { zeroTypes.removeLast(zeroTypes.count - spanEnd) }
    numbers.removeLast(numbers.count - sequenceEnd * numbersPerSequence)
    spanStarts.removeLast(spanStarts.count - spanEnd)
    spanStarts.append(tokenEnd)
    targetCounts.removeLast(targetCounts.count - sequenceEnd)
    firstSpans.removeLast(firstSpans.count - sequenceEnd)
    firstSpans.append(spanEnd)
    if !answered.isEmpty { answered.remove(taken) }
    return removed
  }
}
