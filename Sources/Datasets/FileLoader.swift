// Encodes the examples of a list of files into sequences.
import Base
import Tokenizers

/// The sequences of one source before they are packed, and what is wrong with its files.
struct FileLoader {
  let options: DataOptions
  let encoder: DocumentEncoder
  let labels: Labels?
  private let source: DataSource
  private let firstFile: Int
  /// Whole documents that will be joined; stays empty if text is not packed.
  var documents: TokenSequences
  /// Rows that stay whole, already cut to the sequence length.
  var rows: TokenSequences
  /// What all rows have in common, once there is one.
  private(set) var shape: RowShape?
  private(set) var files: [FileSummary] = []
  private(set) var mistakes: [UserError] = []
  /// The template of the source's chats, once there is one.
  private var chats: Result<ChatEncoder, RowMistake>?
  private let template: String?

  /// Nothing is read yet.
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
    self.source = source
    self.firstFile = firstFile
    template = source.template ?? options.chats.template
    documents = TokenSequences(files: files)
    rows = TokenSequences(files: files)
    rows.virtual = options.virtual
  }

  /// Reads all files of the source, and finds every mistake in them.
  mutating func read() {
    var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
    reader.read { example, source, failed, summary throws(RowMistake) in
      try take(example, from: source, failed: failed, to: &summary)
    }
    files = reader.files
    mistakes = reader.mistakes
  }

  /// Looks for the mistakes in all files of the source, and keeps nothing of them.
  /// - Parameter encodes: whether to make tokens of texts too, which tells rows that have none.
  mutating func readMistakes(encodes: Bool) {
    var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
    reader.read { example, source, failed, summary throws(RowMistake) in
      // An empty text has no tokens, and is no row.
      if !encodes, encoder.answerStart == nil {
        switch example {
        case .document, .answer: if example.isEmpty { summary.emptyRows += 1 } else { summary.rows += 1 }
        default: break
        }
      }
      try take(example, from: source, failed: failed || !encodes, to: &summary)
      forget()
    }
    mistakes = reader.mistakes
  }

  /// The format that all pieces of a file have; nil if its first row does not tell it.
  /// - Throws: `UserError` if the file is none for its settings.
  func format(of file: DataFile) throws -> (any RowFormat)? {
    try ExampleReader(source, names: options.names, wishes: options.wishes).format(of: file)
  }

  /// That a piece has mistakes, which are told where all files are read in order.
  struct HasMistakes: Error {}

  /// Reads one piece of a file.
  /// - Parameters:
  ///   - index: of the file in the source.
  ///   - format: of its rows.
  ///   - skipping: how many rows at the beginning are there already.
  ///   - part: called behind each row with the number of rows so far, and what was found since it was called last; may
  ///     take away what is there.
  /// - Returns: what was found since `part` was called last; nil if the piece has no rows.
  /// - Throws: `HasMistakes`, `UserError` if the file cannot be read, and what `part` throws.
  mutating func read(
    _ file: DataFile, index: Int, in piece: FilePiece, format: (any RowFormat)?, skipping: Int,
    _ part: (_ loader: inout FileLoader, _ rows: Int, _ summary: inout FileSummary) throws -> Void
  ) throws -> FileSummary? {
    var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
    if file.kind == .text, case .bytes(let range) = piece {
      return try reader.takesText(of: file) ? readText(of: file, index: index, in: range) : nil
    }
    var failure: (any Error)?
    let summary = try reader.read(file, index: index, in: piece, format: format) {
      example, source, failed, summary throws(RowMistake) in
      guard Int(source.row) >= skipping, failure == nil, !failed else { return }
      try take(example, from: source, failed: false, to: &summary)
      do { try part(&self, Int(source.row) + 1, &summary) } catch { failure = error }
    }
    if let failure { throw failure }
    guard reader.mistakes.isEmpty else { throw HasMistakes() }
    return summary
  }

  /// Part of a text that is joined with others.
  private mutating func readText(
    of file: DataFile, index: Int, in range: Range<Int>
  ) throws -> FileSummary {
    let (isFirst, isLast) = (range.lowerBound == 0, range.upperBound == file.size)
    let tokens = encoder.documentPart(try file.text(in: range), isFirst: isFirst, isLast: isLast)
    var summary = FileSummary(path: file.path, format: .text)
    summary.rows = isFirst ? 1 : 0
    summary.tokens = tokens.count
    documents.append(tokens[...], firstTarget: 0, source: SampleSource(file: firstFile + index, line: 0))
    file.release(range)
    return summary
  }

  /// How many tokens it holds.
  var tokenCount: Int { documents.tokenCount + rows.tokenCount + rows.index.answered.tokenCount }

  /// Takes away what was read.
  mutating func forget() {
    documents = TokenSequences(files: documents.files)
    let virtual = rows.virtual
    rows = TokenSequences(files: rows.files)
    rows.virtual = virtual
  }

  /// What was read. A loader keeps none of it, since copies would be as big as the data.
  mutating func finish() -> LoadedSource {
    let loaded = LoadedSource(
      documents: documents, rows: rows, files: files, namedTemplate: namedTemplate)
    forget()
    return loaded
  }

  /// Whether some row was a chat, or had one.
  var hasChats: Bool { chats != nil }

  /// The template of its chats where the settings name one, as a model's folder holds it.
  private var namedTemplate: [UInt8]? { template == nil ? nil : try? chats?.get().template.source }

  private mutating func take(
    _ example: Example, from place: SampleSource, failed: Bool, to summary: inout FileSummary
  ) throws(RowMistake) {
    var place = place
    place.file += Int32(clamping: firstFile)
    try add(example, from: place, failed: failed, to: &summary)
    if shape == nil, rows.count > 0 { shape = RowShape(rows) }
  }

  /// Adds the sequences of a row.
  /// - Parameters:
  ///   - source: its file counts over all files.
  ///   - failed: whether a row before was refused, so that only more mistakes are looked for.
  ///   - summary: counts the row.
  mutating func add(
    _ example: Example, from source: SampleSource, failed: Bool, to summary: inout FileSummary
  ) throws(RowMistake) {
    switch example {
    case .answer where encoder.answerStart != nil:
      try addWhole(example, from: source, to: &summary)
    case .chat(let conversation):
      // Templates find mistakes too.
      add(try chat(conversation), of: example, from: source, to: &summary)
    case .preference(let preference):
      try add(preference, of: example, from: source, to: &summary)
    case .document, .answer:
      if !failed { add(row(example), of: example, from: source, to: &summary) }
    default:
      // Rows are encoded behind a mistake too, since encoding finds more of them.
      try addWhole(example, from: source, to: &summary)
    }
  }

  /// Moves out what was added; the loader is as new then.
  mutating func takeAdded() -> TokenSequences {
    let added = documents.count > 0 ? documents : rows
    forget()
    return added
  }

  /// The tokens of a text, or of an answer to a prompt.
  private func row(_ example: Example) -> EncodedRow {
    switch example {
    case _ where example.isEmpty: return EncodedRow(tokens: [], targets: [])
    case .document(let text):
      let tokens = encoder.document(text)
      return EncodedRow(tokens: tokens, targets: [0..<tokens.count])
    case .answer(let prompt, let answer):
      let encoded = encoder.answer(answer, to: prompt)
      let count = encoded.tokens.count
      let first = options.chats.loss == .all ? 0 : min(encoded.promptCount, count)
      return EncodedRow(
        tokens: encoded.tokens, targets: [first..<count],
        isMerged: encoded.boundaryMerged && options.chats.loss != .all)
    default: preconditionFailure("a row that is learned as it is has no next tokens")
    }
  }

  /// The tokens of a chat.
  mutating func chat(_ conversation: Conversation) throws(RowMistake) -> EncodedRow {
    let encoder = try chatEncoder()
    do throws(ChatMistake) {
      return try encoder.encode(conversation)
    } catch { throw RowMistake(error.what, hint: error.hint, cause: error.cause) }
  }

  mutating func chatEncoder() throws(RowMistake) -> ChatEncoder {
    let chats = self.chats ?? encoder.chats(options.chats, template: template)
    self.chats = chats
    return try chats.get()
  }

  /// Adds what is learned by next tokens.
  private mutating func add(
    _ encoded: EncodedRow, of example: Example, from source: SampleSource, to summary: inout FileSummary
  ) {
    let count = encoded.tokens.count
    guard count > 0 else {
      summary.emptyRows += 1
      return
    }
    summary.rows += 1
    summary.tokens += count
    if encoded.isMerged {
      summary.mergedBoundaries += 1
      if summary.mergedExample == nil {
        summary.mergedExample = MergedBoundary(example, line: Int(source.line))
      }
    }
    if case .document = example, options.packing, !options.packingFits {
      let firstTarget = options.packingMask == .document ? 1 : 0
      return documents.append(encoded.tokens[...], firstTarget: firstTarget, source: source)
    }
    let longest = options.tokensOfSequence
    // Where virtual tokens stand before every sequence, text is not joined, and yet used whole.
    let isWhole =
      if case .document = example {
        options.readsWhole || options.virtual != .none || options.packingFits
      } else {
        options.readsWhole
      }
    if count > longest, !isWhole || options.readsWhole {
      summary.longRows += 1
      if !isWhole {
        summary.cutTokens += count - longest
        let lost = encoded.targets(behind: longest)
        summary.cutTargets += lost
        if lost > 0 { summary.cutAnswers += 1 }
      }
    }
    // An answer goes on from the last token before the cut, which has been predicted, so that none of its targets is
    // lost.
    let overlap = if case .document = example { 0 } else { 1 }
    var start = 0
    var targets = 0
    repeat {
      let part = start..<min(start + longest, count)
      rows.append(
        encoded.tokens[part], targets: encoded.targets(in: part, from: rows.firstTarget), source: source)
      targets += Int(rows.targetCounts.last ?? 0)
      start += longest - overlap
    } while isWhole && start + overlap < count
    if targets == 0 { summary.rowsWithoutTargets += 1 }
  }
}

/// What the rows of a source have in common.
struct RowShape: Equatable, Sendable {
  var rowsPerSample: Int
  var numbersPerSequence: Int

  init(_ rows: TokenSequences) {
    rowsPerSample = rows.rowsPerSample
    numbersPerSequence = rows.numbersPerSequence
  }

  init(rowsPerSample: Int, numbersPerSequence: Int) {
    self.rowsPerSample = rowsPerSample
    self.numbersPerSequence = numbersPerSequence
  }
}
