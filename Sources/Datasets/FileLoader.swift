// Reads a list of files into sequences and remembers every mistake on the way.
import Base

/// The sequences of some files before they are packed, and what is wrong with the files.
struct FileLoader {
  /// This many bad rows of a file are reported one by one.
  static let rowsTold = 5

  let options: DataOptions
  let encoder: DocumentEncoder
  /// Whole documents that will be joined; stays empty if text is not packed.
  var documents: TokenSequences
  /// Rows that stay whole, already cut to the sequence length.
  var rows: TokenSequences
  private(set) var files: [FileSummary] = []
  private(set) var mistakes: [UserError] = []

  init(_ paths: [String], options: DataOptions, encoder: DocumentEncoder) {
    self.options = options
    self.encoder = encoder
    documents = TokenSequences(files: paths)
    rows = TokenSequences(files: paths)
    for (index, path) in paths.enumerated() {
      let told = mistakes.count
      do {
        let file = try DataFile(path)
        let result = Result { try read(file, index: index) }
        do {
          try file.check()
        } catch {
          // In that case the mistakes in the rows are not the user's.
          mistakes.removeLast(mistakes.count - told)
          throw error
        }
        try result.get()
      } catch let error as UserError {
        mistakes.append(error)
      } catch {
        mistakes.append(UserError(.data, "\(error)", at: path))
      }
    }
  }

  /// Files are still checked after a mistake, but nothing more is encoded.
  private var failed: Bool { !mistakes.isEmpty }

  private mutating func read(_ file: DataFile, index: Int) throws {
    let path = file.path
    if file.kind == .text {
      guard options.format == .auto || options.format == .text else {
        throw UserError(
          .data, "a .txt file is plain text, not \(options.format.rawValue)", at: path,
          hint: "use .jsonl or .json, or \(options.names.autoFormat)")
      }
      let text = try file.text()
      var summary = FileSummary(path: path, format: .text)
      add(.document(text), from: SampleSource(file: index, line: 0), to: &summary)
      return try finish(summary)
    }
    var summary: FileSummary? = RowFormat(rawValue: options.format.rawValue).map {
      FileSummary(path: path, format: $0)
    }
    var bad = 0
    try file.forEachRow { row in
      do throws(RowMistake) {
        let json = try row.json.get()
        var found: FileSummary
        if let summary {
          found = summary
        } else {
          found = FileSummary(path: path, format: try .detect(json, setting: options.names.format))
        }
        let example = try found.format.example(json)
        add(example, from: SampleSource(file: index, line: row.line), to: &found)
        summary = found
      } catch {
        bad += 1
        if bad <= Self.rowsTold { mistakes.append(error.at("\(path):\(row.line)")) }
        // Without a first row that fits, the format of the others is not known.
        if summary == nil { return false }
      }
      return true
    }
    if bad > Self.rowsTold {
      let more = bad - Self.rowsTold
      mistakes.append(
        UserError(.data, "and \(more) more \(more == 1 ? "row" : "rows") that cannot be used", at: path))
    }
    if bad > 0 { return }
    guard let summary else { throw UserError(.data, "the file has no rows", at: path) }
    try finish(summary)
  }

  private mutating func finish(_ summary: FileSummary) throws {
    guard summary.rows > 0 || failed else {
      let reason = summary.emptyRows > 0 ? "all rows of the file are empty" : "the file has no rows"
      throw UserError(.data, reason, at: summary.path)
    }
    files.append(summary)
  }

  private mutating func add(_ example: Example, from source: SampleSource, to summary: inout FileSummary) {
    if failed { return }
    let encoded: EncodedAnswer
    switch example {
    case _ where example.isEmpty: encoded = EncodedAnswer(tokens: [], promptCount: 0, boundaryMerged: false)
    case .document(let text):
      encoded = EncodedAnswer(tokens: encoder.document(text), promptCount: 0, boundaryMerged: false)
    case .answer(let prompt, let answer): encoded = encoder.answer(answer, to: prompt)
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
