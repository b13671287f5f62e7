// Encodes the examples of a list of files into sequences.
import Base
import Tokenizers

/// The sequences of some files before they are packed, and what is wrong with the files.
struct FileLoader {
  let options: DataOptions
  let encoder: DocumentEncoder
  let labels: Labels?
  /// Whole documents that will be joined; stays empty if text is not packed.
  var documents: TokenSequences
  /// Rows that stay whole, already cut to the sequence length.
  var rows: TokenSequences
  private(set) var files: [FileSummary] = []
  private(set) var mistakes: [UserError] = []

  /// - Parameters:
  ///   - files: the files of all sources; those of this one begin at `firstFile`.
  ///   - labels: of a classification; nil for other data.
  init(
    _ source: DataSource, among files: [String], firstFile: Int, options: DataOptions, labels: Labels?,
    encoder: DocumentEncoder
  ) {
    self.options = options
    self.encoder = encoder
    self.labels = labels
    documents = TokenSequences(files: files)
    rows = TokenSequences(files: files)
    rows.virtual = options.virtual
    var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
    reader.read { example, source, failed, summary throws(RowMistake) in
      var source = source
      source.file += Int32(clamping: firstFile)
      switch example {
      case .answer where encoder.answerStart != nil:
        try addWhole(example, from: source, to: &summary)
      case .document, .answer:
        if !failed { add(example, from: source, to: &summary) }
      default:
        // Rows are encoded behind a mistake too, since encoding finds more of them.
        try addWhole(example, from: source, to: &summary)
      }
    }
    self.files = reader.files
    mistakes = reader.mistakes
  }

  /// Adds what is learned by next tokens.
  private mutating func add(_ example: Example, from source: SampleSource, to summary: inout FileSummary) {
    let encoded: EncodedAnswer
    switch example {
    case _ where example.isEmpty: encoded = EncodedAnswer(tokens: [], promptCount: 0, boundaryMerged: false)
    case .document(let text):
      encoded = EncodedAnswer(tokens: encoder.document(text), promptCount: 0, boundaryMerged: false)
    case .answer(let prompt, let answer): encoded = encoder.answer(answer, to: prompt)
    default: preconditionFailure("a row that is learned as it is has no next tokens")
    }
    let count = encoded.tokens.count
    guard count > 0 else {
      summary.emptyRows += 1
      return
    }
    summary.rows += 1
    summary.tokens += count
    if encoded.boundaryMerged {
      summary.mergedBoundaries += 1
      if summary.mergedExample == nil {
        summary.mergedExample = MergedBoundary(example, line: Int(source.line))
      }
    }
    if case .document = example, options.packing {
      let firstTarget = options.packingMask == .document ? 1 : 0
      return documents.append(encoded.tokens[...], firstTarget: firstTarget, source: source)
    }
    let longest = options.tokensOfSequence
    // Where virtual tokens stand before every sequence, text is not joined, and yet used whole.
    let isWhole =
      if case .document = example { options.readsWhole || options.virtual != .none } else {
        options.readsWhole
      }
    if count > longest, !isWhole || options.readsWhole {
      summary.longRows += 1
      if !isWhole { summary.cutTokens += count - longest }
    }
    // An answer goes on from the last token before the cut, which has been predicted, so that none of its targets is
    // lost.
    let overlap = if case .answer = example { 1 } else { 0 }
    var start = 0
    var targets = 0
    repeat {
      rows.append(
        encoded.tokens[start..<min(start + longest, count)],
        firstTarget: max(rows.firstTarget, encoded.promptCount - start), source: source)
      targets += Int(rows.targetCounts.last ?? 0)
      start += longest - overlap
    } while isWhole && start + overlap < count
    if targets == 0 { summary.rowsWithoutTargets += 1 }
  }
}
