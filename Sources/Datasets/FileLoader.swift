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

  /// - Parameter labels: of a classification; nil for other data.
  init(_ paths: [String], options: DataOptions, labels: Labels?, encoder: DocumentEncoder) {
    self.options = options
    self.encoder = encoder
    self.labels = labels
    documents = TokenSequences(files: paths)
    rows = TokenSequences(files: paths)
    var reader = ExampleReader(paths, options: options)
    reader.read { example, source, failed, summary throws(RowMistake) in
      if case .labelled(let text, let pair, let label) = example {
        let index = try label.map { label throws(RowMistake) in try labels?.index(of: label) ?? 0 }
        if !failed { try add(text, pair, label: index, from: source, to: &summary) }
      } else if !failed {
        add(example, from: source, to: &summary)
      }
    }
    files = reader.files
    mistakes = reader.mistakes
  }

  private mutating func add(
    _ text: [UInt8], _ pair: [UInt8]?, label: Int?, from source: SampleSource, to summary: inout FileSummary
  ) throws(RowMistake) {
    let longest = options.sequenceLength
    do throws(UserError) {
      let special = try encoder.encoding.specialTokenCount(pair: pair != nil)
      guard special < longest else {
        throw UserError(
          .data, "\(special) special tokens leave no room for a text",
          hint: "raise \(options.names.sequenceLength)")
      }
      let encoded = try encoder.encoding.encode(text, pair: pair, longest: longest)
      summary.rows += 1
      summary.tokens += encoded.tokens.count + encoded.cutTokens
      if encoded.cutTokens > 0 { summary.longRows += 1 }
      summary.cutTokens += encoded.cutTokens
      rows.append(
        encoded.tokens[...], zeroTypes: encoded.zeroTypes, numbers: [Float(label ?? -1)], source: source)
    } catch {
      throw RowMistake(error.place.isEmpty ? error.what : "\(error.place): \(error.what)", hint: error.hint)
    }
  }

  private mutating func add(_ example: Example, from source: SampleSource, to summary: inout FileSummary) {
    let encoded: EncodedAnswer
    switch example {
    case _ where example.isEmpty: encoded = EncodedAnswer(tokens: [], promptCount: 0, boundaryMerged: false)
    case .document(let text):
      encoded = EncodedAnswer(tokens: encoder.document(text), promptCount: 0, boundaryMerged: false)
    case .answer(let prompt, let answer): encoded = encoder.answer(answer, to: prompt)
    case .labelled: preconditionFailure("a labelled row is no text to predict")
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
    let longest = options.sequenceLength
    if count > longest {
      summary.longRows += 1
      if !options.readsWhole { summary.cutTokens += count - longest }
    }
    // An answer goes on from the last token before the cut, which has been predicted, so that none of its targets is
    // lost.
    let overlap = if case .answer = example { 1 } else { 0 }
    var start = 0
    var targets = 0
    repeat {
      rows.append(
        encoded.tokens[start..<min(start + longest, count)],
        firstTarget: max(1, encoded.promptCount - start), source: source)
      targets += Int(rows.targetCounts.last ?? 0)
      start += longest - overlap
    } while options.readsWhole && start + overlap < count
    if targets == 0 { summary.rowsWithoutTargets += 1 }
  }
}
