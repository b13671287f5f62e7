// What was found in the data, to be shown before training starts.

/// One file, as read.
package struct FileSummary: Equatable, Sendable {
  package var path: String
  package var format: RowFormat
  /// Rows or documents, without the empty ones.
  package var rows = 0
  /// Rows that hold no token at all and are left out.
  package var emptyRows = 0
  /// With special tokens, before anything is cut.
  package var tokens = 0
  /// Rows longer than `sequence_length`, cut there.
  package var cutRows = 0
  /// How many tokens were cut off.
  package var cutTokens = 0
  /// Rows without anything to predict, such as those whose prompt fills the sequence; they are kept.
  package var rowsWithoutTargets = 0
  /// Rows where the tokenizer merges the end of the prompt with the beginning of the answer.
  package var mergedBoundaries = 0
}

/// The files of `data.train` or `data.validation`.
package struct FilesSummary: Equatable, Sendable {
  package var files: [FileSummary]
  /// Tokens at the end of joined text that do not fill a block.
  package var droppedTokens = 0

  package var rows: Int { total(\.rows) }
  package var tokens: Int { total(\.tokens) }
  package var cutRows: Int { total(\.cutRows) }
  package var rowsWithoutTargets: Int { total(\.rowsWithoutTargets) }

  private func total(_ count: KeyPath<FileSummary, Int>) -> Int {
    files.reduce(0) { $0 + $1[keyPath: count] }
  }
}

/// The sequences of one part of the data.
package struct SequencesSummary: Equatable, Sendable {
  package var sequences: Int
  /// Without padding.
  package var tokens: Int
  package var targets: Int

  package init(sequences: Int, tokens: Int, targets: Int) {
    self.sequences = sequences
    self.tokens = tokens
    self.targets = targets
  }

  init(_ sequences: TokenSequences) {
    self.sequences = sequences.count
    tokens = sequences.tokens.count
    targets = sequences.targetCount
  }
}

/// Files and what became of them.
package struct DataSummary: Equatable, Sendable {
  package var trainFiles: FilesSummary
  /// nil where validation has no files of its own.
  package var validationFiles: FilesSummary?
  package var train: SequencesSummary
  /// nil where there is no validation.
  package var validation: SequencesSummary?
}
