// Reads the files of a source: all of them into memory, or one piece of a file.
import Base
import Tokenizers

extension FileLoader {
  /// Reads all files of the source, and finds every mistake in them.
  mutating func read() {
    var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
    reader.read { example, place, failed, summary throws(RowMistake) in
      try add(example, from: placed(place), failed: failed, to: &summary)
    }
    files = reader.files
    mistakes = reader.mistakes
  }

  /// A place among the files of all sources.
  private func placed(_ place: SampleSource) -> SampleSource {
    var place = place
    place.file += Int32(clamping: firstFile)
    return place
  }

  /// Looks for the mistakes in all files of the source, and keeps nothing of them.
  /// - Parameter encodes: whether to make tokens of texts too, which tells rows that have none.
  mutating func readMistakes(encodes: Bool) {
    var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
    reader.read { example, place, failed, summary throws(RowMistake) in
      // An empty text has no tokens, and is no row.
      if !encodes, encoder.answerStart == nil {
        switch example {
        case .document, .answer: if example.isEmpty { summary.emptyRows += 1 } else { summary.rows += 1 }
        default: break
        }
      }
      try add(example, from: placed(place), failed: failed || !encodes, to: &summary)
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
      example, place, failed, summary throws(RowMistake) in
      guard Int(place.row) >= skipping, failure == nil, !failed else { return }
      try add(example, from: placed(place), failed: false, to: &summary)
      do { try part(&self, Int(place.row) + 1, &summary) } catch { failure = error }
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
