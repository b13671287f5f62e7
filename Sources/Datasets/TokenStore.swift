// What belongs to tokens one by one. It lies in chunks: one in memory for each set that was read, or the parts of a cache.
import Base

/// Where a token lies.
struct TokenPlace: Equatable, Sendable, BitwiseCopyable {
  /// More tokens than a chunk has.
  private static let bits = 40
  private let number: Int

  init(chunk: Int, offset: Int) { number = chunk << Self.bits | offset }

  var chunk: Int { number >> Self.bits }
  var offset: Int { number & (1 << Self.bits - 1) }

  /// The same place where other chunks stand before its own.
  func behind(_ chunks: Int) -> TokenPlace { TokenPlace(chunk: chunk + chunks, offset: offset) }
}

struct TokenChunk: Sendable {
  var tokens = Column<Int32>()
  /// Whether predicting a token counts, one bit for each of `tokens`. The first token of a row never counts, unless
  /// virtual tokens stand before it, so nothing in a packed block has to predict the first token of the next row. The
  /// first token of a document of joined text counts unless documents are kept apart.
  var lossMask = LossMask()
  /// The index of each token's label, or `Batch.noTarget`; empty where tokens have no labels.
  var labels = Column<Int32>()
  /// Tokens of the texts that sequences answer to.
  var texts = Column<Int32>()
  /// The largest of `tokens` and of `texts`, where a negative one counts as a large one, and of `labels`.
  var largest = Largest()
  /// Where it lies in a file; nil for memory.
  var file: ColumnFile?

  struct Largest: Equatable, Sendable {
    var token: UInt32 = 0
    var text: UInt32 = 0
    var label = Batch.noTarget
  }

  var bytesInMemory: Int {
    tokens.bytesInMemory + lossMask.words.bytesInMemory + labels.bytesInMemory + texts.bytesInMemory
  }
}

struct TokenStore: Sendable {
  var chunks: [TokenChunk] = []

  /// The largest of all chunks.
  var largest: TokenChunk.Largest {
    chunks.reduce(into: TokenChunk.Largest()) { all, chunk in
      all.token = max(all.token, chunk.largest.token)
      all.text = max(all.text, chunk.largest.text)
      all.label = max(all.label, chunk.largest.label)
    }
  }

  /// Takes the pages of files out of this process's memory.
  func release() { for chunk in chunks { chunk.file?.release() } }

  /// - Throws: if something that was read of a file was not what was written there.
  func check() throws { for chunk in chunks { try chunk.file?.check() } }
}

extension TokenChunk {
  /// Calls `body` with some tokens. What a damaged file holds in their place is reported, and never reaches a table.
  @discardableResult
  func withTokens<R>(_ range: Range<Int>, _ body: (UnsafeBufferPointer<Int32>) throws -> R) rethrows -> R? {
    try checked(tokens, range, largest.token, body)
  }

  /// The same for texts that sequences answer to.
  @discardableResult
  func withText<R>(_ range: Range<Int>, _ body: (UnsafeBufferPointer<Int32>) throws -> R) rethrows -> R? {
    try checked(texts, range, largest.text, body)
  }

  /// The same for the labels of tokens.
  func withLabels(_ range: Range<Int>, _ body: (UnsafeBufferPointer<Int32>) -> Void) {
    labels.withElements(range) { labels in
      if let file, !labels.allSatisfy({ $0 >= Batch.noTarget && $0 <= largest.label }) {
        return file.reportDamage()
      }
      body(labels)
    }
  }

  private func checked<R>(
    _ column: Column<Int32>, _ range: Range<Int>, _ most: UInt32,
    _ body: (UnsafeBufferPointer<Int32>) throws -> R
  ) rethrows -> R? {
    try column.withElements(range) { tokens in
      guard let file else { return try body(tokens) }
      var largest: UInt32 = 0
      for token in tokens { largest = max(largest, UInt32(bitPattern: token)) }
      guard largest <= most else {
        file.reportDamage()
        return nil
      }
      return try body(tokens)
    }
  }
}
