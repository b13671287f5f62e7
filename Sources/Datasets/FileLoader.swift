// Encodes the examples of a list of files into sequences.
import Base
import Tokenizers

/// The sequences of one source before they are packed, and what is wrong with its files.
struct FileLoader {
  let options: DataOptions
  let encoder: DocumentEncoder
  let labels: Labels?
  let source: DataSource
  /// Where the files of the source begin among those of all sources.
  let firstFile: Int
  /// Whole documents that will be joined; stays empty if text is not packed.
  var documents: TokenSequences
  /// Rows that stay whole, already cut to the sequence length.
  var rows: TokenSequences
  /// What all rows have in common, once there is one.
  private(set) var shape: RowShape?
  var files: [FileSummary] = []
  var mistakes: [UserError] = []
  /// The template of the source's chats, once there is one.
  private(set) var chats: Result<ChatEncoder, RowMistake>?
  let template: String?

  /// Nothing is read yet.
  /// - Parameters:
  ///   - files: the files of all sources.
  ///   - firstFile: where those of this one begin.
  ///   - labels: of a classification; nil for other data.
  init(
    _ source: DataSource, among files: [String], firstFile: Int = 0, options: DataOptions, labels: Labels?,
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

  /// Adds the sequences of a row.
  /// - Parameters:
  ///   - source: its place among the files of all sources.
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
    if shape == nil, rows.count > 0 { shape = RowShape(rows) }
  }

  /// How many tokens it holds.
  var tokenCount: Int { documents.tokenCount + rows.tokenCount + rows.index.answered.tokenCount }

  /// Moves out what was added, documents or rows; the loader is as new then.
  mutating func takeAdded() -> TokenSequences {
    let added = documents.count > 0 ? documents : rows
    forget()
    shape = nil
    return added
  }

  /// Takes away what was added.
  mutating func forget() {
    documents = TokenSequences(files: documents.files)
    rows = TokenSequences(files: rows.files)
    rows.virtual = options.virtual
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
