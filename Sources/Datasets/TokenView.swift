// The tokens of all sequences as one list, wherever they lie.

/// What belongs to tokens one by one, in the order of the sequences. For loops over all of it, not for a token here and
/// there.
package struct TokenView: Sequence {
  fileprivate let lists: RaggedTokens
  fileprivate let store: TokenStore
  fileprivate let column: (TokenChunk) -> Column<Int32>

  package var count: Int { lists.tokenCount }
  package var indices: Range<Int> { 0..<count }

  /// A part, which may belong to several sequences.
  package subscript(_ range: Range<Int>) -> ArraySlice<Int32> {
    guard !range.isEmpty else { return [] }
    let first = lists.list(of: range.lowerBound)
    if range.upperBound <= lists.starts[first + 1] { return part(range, of: first) }
    var all: [Int32] = []
    all.reserveCapacity(range.count)
    var list = first
    while list < lists.count, lists.starts[list] < range.upperBound {
      all += part(lists.range(of: list).clamped(to: range), of: list)
      list += 1
    }
    return all[...]
  }

  package subscript(_ token: Int) -> Int32 { self[token..<token + 1].first ?? Batch.paddingToken }

  private func part(_ range: Range<Int>, of list: Int) -> ArraySlice<Int32> {
    let place = lists.place(of: list)
    let start = place.offset + range.lowerBound - lists.starts[list]
    return column(store.chunks[place.chunk]).slice(start..<start + range.count)
  }

  /// Calls `body` with the tokens of each list.
  func forEachList(_ body: (UnsafeBufferPointer<Int32>) throws -> Void) rethrows {
    var reading = ListReading()
    for list in 0..<lists.count {
      let (place, length) = (lists.place(of: list), lists.length(of: list))
      try column(store.chunks[place.chunk]).withElements(place.offset..<place.offset + length, body)
      reading.read(place, length: length, of: lists, in: store)
    }
    reading.release(lists, store)
  }

  package func makeIterator() -> AnyIterator<Int32> {
    var (list, rest) = (0, ArraySlice<Int32>())
    return AnyIterator {
      while rest.isEmpty, list < lists.count {
        rest = part(lists.range(of: list), of: list)
        list += 1
      }
      return rest.popFirst()
    }
  }
}

/// Whether predicting a token counts in the loss, by the number of the token.
package struct TargetView {
  fileprivate let lists: RaggedTokens
  fileprivate let store: TokenStore

  package subscript(_ token: Int) -> Bool {
    let list = lists.list(of: token)
    let place = lists.place(of: list)
    return store.chunks[place.chunk].lossMask[place.offset + token - lists.starts[list]]
  }
}

extension TokenSequences {
  /// The tokens of all sequences, one behind the other.
  package var tokens: TokenView { TokenView(lists: index.spans, store: store) { $0.tokens } }

  /// For sequences of that kind, the index of each token's label, or `Batch.noTarget`.
  package var tokenLabels: TokenView { TokenView(lists: index.spans, store: store) { $0.labels } }

  /// Whether predicting a token counts.
  package var lossMask: TargetView { TargetView(lists: index.spans, store: store) }

  /// The text that a sequence answers to; nil where sequences have none.
  package func answered(by sequence: Int) -> ArraySlice<Int32>? {
    index.answered.isEmpty ? nil : texts[index.answered.range(of: sequence)]
  }

  /// The tokens of the texts that sequences answer to.
  var texts: TokenView { TokenView(lists: index.answered, store: store) { $0.texts } }
}
