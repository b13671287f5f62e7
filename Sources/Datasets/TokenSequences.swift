// All sequences of a data set in flat arrays: a sequence is a range of spans, a span is a range of tokens.
//
//   tokens      | t t t t t | t t t | t t t t t t | …      one array, nothing stored twice
//   spans         one document, or the part of it that lies within one block
//   sequences     one row, or the spans of one packed block

/// Where a span came from, to name offending samples later.
package struct SampleSource: Equatable, Sendable {
  /// Index into `TokenSequences.files`.
  package var file: Int32
  /// From 1; 0 means the whole file.
  package var line: Int32

  package init(file: Int, line: Int) {
    self.file = Int32(clamping: file)
    self.line = Int32(clamping: line)
  }
}

/// Tokenised sequences, in file order.
package struct TokenSequences: Sendable {
  /// Paths as the user wrote them.
  package internal(set) var files: [String]
  /// The length that all sequences are padded to; nil: the longest of their micro-batch.
  package internal(set) var blockLength: Int?
  package internal(set) var tokens: [Int32] = []
  /// Whether predicting a token counts, one bit for each of `tokens`. The first token of a row never counts, so
  /// nothing in a packed block has to predict the first token of the next row. The first token of a document of
  /// joined text counts unless documents are kept apart.
  package internal(set) var lossMask = LossMask()
  /// Ascending, and ends with `tokens.count`: span `p` is `spanStarts[p]..<spanStarts[p + 1]`.
  package internal(set) var spanStarts: [Int] = [0]
  /// One source for each span.
  package internal(set) var spanSources: [SampleSource] = []
  /// Ascending, and ends with the number of spans: sequence `s` is `firstSpans[s]..<firstSpans[s + 1]`.
  package internal(set) var firstSpans: [Int] = [0]
  /// How many positions of each sequence have a target.
  package internal(set) var targetCounts: [Int32] = []
  /// The number of tokens of the longest sequence that was ever added.
  private var longest = 0

  package init(files: [String]) { self.files = files }

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

  /// Tokens of the longest row of any micro-batch, padding included.
  package var longestRow: Int { blockLength ?? longest }

  /// The length of the rows of a micro-batch whose longest sequence has this many tokens.
  ///
  /// Every length has a program of its own, so lengths are rounded up to get few of them: by an eighth at most, and
  /// never beyond the longest sequence.
  func rowLength(longest tokens: Int) -> Int {
    blockLength ?? min(Self.rounded(tokens), longest)
  }

  private static func rounded(_ length: Int) -> Int {
    let unit = max(1, 1 << (Int.bitWidth - length.leadingZeroBitCount - 4))
    return (length + unit - 1) / unit * unit
  }

  /// Target positions of some sequences, without building a batch.
  package func targetCount(of sequences: some Swift.Sequence<Int>) -> Int {
    sequences.reduce(0) { $0 + Int(targetCounts[$1]) }
  }

  /// Target positions of all sequences.
  package var targetCount: Int { targetCounts.reduce(0) { $0 + Int($1) } }

  /// Bytes in memory: a little more than four per token, and some for each span and sequence.
  package var bytes: Int {
    tokens.count * 4 + lossMask.bytes + spanStarts.count * 8 + spanSources.count * 8 + firstSpans.count * 8
      + targetCounts.count * 4
  }

  /// The places a sequence came from, each as `file:line` (or `file`, for a whole file), in order.
  package func sources(of sequence: Int) -> [String] {
    spans(of: sequence).map { span in
      let source = spanSources[span]
      let file = files[Int(source.file)]
      return source.line == 0 ? file : "\(file):\(source.line)"
    }
  }
}

extension TokenSequences {
  /// Adds one sequence of one span.
  /// - Parameter firstTarget: predicting tokens before this one does not count. With 0 even the first token counts,
  ///   as it must for documents that are joined without a mask between them.
  package mutating func append(_ added: ArraySlice<Int32>, firstTarget: Int, source: SampleSource) {
    let masked = min(firstTarget, added.count)
    longest = max(longest, added.count)
    tokens.append(contentsOf: added)
    lossMask.append(false, count: masked)
    lossMask.append(true, count: added.count - masked)
    spanStarts.append(tokens.count)
    spanSources.append(source)
    firstSpans.append(spanSources.count)
    targetCounts.append(Int32(clamping: max(0, added.count - max(1, masked))))
  }

  /// Adds a sequence of another set that has the same files.
  mutating func append(sequence: Int, of other: TokenSequences) {
    longest = max(longest, other.length(of: sequence))
    for span in other.spans(of: sequence) {
      let range = other.tokenRange(ofSpan: span)
      tokens.append(contentsOf: other.tokens[range])
      for index in range { lossMask.append(other.lossMask[index], count: 1) }
      spanStarts.append(tokens.count)
      spanSources.append(other.spanSources[span])
    }
    firstSpans.append(spanSources.count)
    targetCounts.append(other.targetCounts[sequence])
  }

  /// Takes some sequences out; both parts stay in file order.
  /// - Parameter taken: ascending.
  mutating func remove(_ taken: [Int]) -> TokenSequences {
    var removed = TokenSequences(files: files)
    removed.blockLength = blockLength
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
          }
        }
        spanStarts[spanEnd] = tokenEnd
        spanSources[spanEnd] = spanSources[span]
        spanEnd += 1
        tokenEnd += range.count
      }
      firstSpans[sequenceEnd] = spanEnd - spans.count
      targetCounts[sequenceEnd] = targetCounts[sequence]
      sequenceEnd += 1
    }
    precondition(next == taken.count, "sequences to take out must be ascending and exist")
    tokens.removeLast(tokens.count - tokenEnd)
    lossMask.truncate(to: tokenEnd)
    spanSources.removeLast(spanSources.count - spanEnd)
    spanStarts.removeLast(spanStarts.count - spanEnd)
    spanStarts.append(tokenEnd)
    targetCounts.removeLast(targetCounts.count - sequenceEnd)
    firstSpans.removeLast(firstSpans.count - sequenceEnd)
    firstSpans.append(spanEnd)
    return removed
  }
}
