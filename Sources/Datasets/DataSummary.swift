// What was found in the data, to be shown before training starts.
import Base

/// One file, as read.
package struct FileSummary: Equatable, Sendable {
  package var path: String
  package var format: DataFormat
  /// Rows or documents, without the empty ones.
  package var rows = 0
  /// Rows that hold no token and are left out.
  package var emptyRows = 0
  /// With special tokens, before anything is cut.
  package var tokens = 0
  /// Rows longer than `sequence_length`: cut there, or read in parts if all tokens are read.
  package var longRows = 0
  /// How many tokens were cut off.
  package var cutTokens = 0
  /// Rows that lost tokens with a target, and how many of these they lost.
  package var cutAnswers = 0
  package var cutTargets = 0
  /// Rows with no target, such as those whose prompt fills the sequence; they are kept.
  package var rowsWithoutTargets = 0
  /// Rows in which the tokenizer merges the end of the prompt with the beginning of the answer.
  package var mergedBoundaries = 0
  /// The first of these rows.
  package var mergedExample: MergedBoundary?

  /// Rows that were cut.
  package var cutRows: Int { cutTokens > 0 ? longRows : 0 }
}

/// A prompt and an answer that share a token.
package struct MergedBoundary: Equatable, Sendable {
  package var line: Int
  /// The last letters of the prompt, and the first of the answer.
  package var promptEnd: String
  package var answerStart: String

  /// nil if the row has no answer.
  init?(_ example: Example, line: Int) {
    let (prompt, answer): ([UInt8], [UInt8])
    switch example {
    case .answer(let asked, let said): (prompt, answer) = (asked, said)
    case .preference(let preference):
      guard case .text(let asked, let said)? = preference.answers.first else { return nil }
      (prompt, answer) = (asked, said)
    default: return nil
    }
    self.line = line
    promptEnd = String(String(decoding: prompt, as: UTF8.self).suffix(12))
    answerStart = String(String(decoding: answer, as: UTF8.self).prefix(12))
  }
}

extension FileSummary {
  /// Says that answers begin inside their prompt, with an example and what to do; nil if none does.
  package var mergeWarning: String? {
    guard let example = mergedExample else { return nil }
    let (end, start) = (JSON.string(example.promptEnd), JSON.string(example.answerStart))
    let consequence =
      format == .preference ? "which is then a part of the answer" : "and carry no loss there"
    return
      "\(mergedBoundaries) of \(rows) answers begin inside the last token of their prompt, \(consequence), "
      + "such as line \(example.line): \(end.encoded()) + \(start.encoded()) "
      + "(move a space at the end of prompts to the beginning of answers)"
  }
}

/// The files of `data.train` or `data.validation`.
package struct FilesSummary: Equatable, Sendable {
  package var files: [FileSummary]
  /// Tokens at the end of joined text that do not fill a block.
  package var droppedTokens = 0

  package var rows: Int { total(\.rows) }
  package var tokens: Int { total(\.tokens) }
  package var cutRows: Int { total(\.cutRows) }
  package var longRows: Int { total(\.longRows) }
  package var rowsWithoutTargets: Int { total(\.rowsWithoutTargets) }

  /// The mistake of files that hold no target token.
  func noTarget(at place: String, _ options: DataOptions) -> UserError {
    UserError(
      .data,
      rows == 1 ? "its only row holds no token to predict" : "none of \(rows) rows holds a token to predict",
      at: place,
      hint: cutRows > 0
        ? "prompts fill their sequences: raise \(options.names.sequenceLength)"
        : "a prompt needs an answer, and a text more than one token")
  }

  private func total(_ count: KeyPath<FileSummary, Int>) -> Int {
    files.reduce(0) { $0 + $1[keyPath: count] }
  }
}

/// The sequences of one part of the data.
package struct SequencesSummary: Equatable, Sendable {
  package var sequences: Int
  /// Without padding.
  package var tokens: Int
  /// Units of the loss: tokens to predict, or labels.
  package var targets: Int

  package init(sequences: Int, tokens: Int, targets: Int) {
    self.sequences = sequences
    self.tokens = tokens
    self.targets = targets
  }

  package mutating func add(_ other: SequencesSummary) {
    sequences += other.sequences
    tokens += other.tokens
    targets += other.targets
  }

  init(_ sequences: TokenSequences) {
    self.sequences = sequences.count
    tokens = sequences.tokenCount
    targets = sequences.targetCount
  }
}

/// The files and what was read from them.
package struct DataSummary: Equatable, Sendable {
  package var trainFiles: FilesSummary
  /// nil if validation has no files of its own.
  package var validationFiles: FilesSummary?
  package var train: SequencesSummary
  /// nil if there is no validation.
  package var validation: SequencesSummary?

  /// The tokens of all files, as they were read.
  package var allTokens: Int { trainFiles.tokens + (validationFiles?.tokens ?? 0) }
}
