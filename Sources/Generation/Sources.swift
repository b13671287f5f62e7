// The texts that a batch of continuations answers to.
import Graph
import Kernels

/// Memory for the sources of a run, and the lengths of all.
struct Sources {
  /// The number of tokens of the source of each text of the batch; 0 where it has none.
  var lengths: [Int] = []
  /// The tokens of each source of the run with padding; 0 if it reads none.
  private(set) var length = 0
  private var tokens: [Int32] = []
  private var positions: [Int32] = []
  /// The ends of the keys that tokens of sources see, and that tokens of texts see. All begin at 0.
  private var ends: [Int32] = []
  private var outerEnds: [Int32] = []
  private var zeros: [Int32] = []

  /// - Parameters:
  ///   - given: the sources that the run reads, or nil.
  ///   - length: the tokens of each text that the run reads, with padding.
  mutating func fill(_ given: [[Int32]]?, first: Int, texts: Int, length columns: Int) {
    tokens.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    outerEnds.removeAll(keepingCapacity: true)
    length = (given ?? []).reduce(0) { max($0, $1.count) }
    for (row, source) in (given ?? []).enumerated() {
      lengths[first + row] = source.count
      tokens += source + repeatElement(0, count: length - source.count)
      positions += (0..<length).map(Int32.init)
      ends += repeatElement(Int32(source.count), count: length)
    }
    for text in first..<first + texts { outerEnds += repeatElement(Int32(lengths[text]), count: columns) }
    zeros = [Int32](repeating: 0, count: max(ends.count, outerEnds.count))
  }

  /// - Parameter body: called with the sources that the run reads, if any, and the keys of theirs that its tokens see.
  func with(_ body: (TokenStream?, KeyIntervals) -> Void) {
    tokens.withUnsafeBufferPointer { tokens in
      positions.withUnsafeBufferPointer { positions in
        ends.withUnsafeBufferPointer { ends in
          outerEnds.withUnsafeBufferPointer { outerEnds in
            zeros.withUnsafeBufferPointer { zeros in
              let source =
                length == 0
                ? nil
                : TokenStream(
                  tokens: tokens.baseAddress!, positions: positions.baseAddress!,
                  keys: KeyIntervals(first: zeros.baseAddress!, end: ends.baseAddress!))
              body(source, KeyIntervals(first: zeros.baseAddress!, end: outerEnds.baseAddress!))
            }
          }
        }
      }
    }
  }
}
