// The sources of a micro-batch as a model reads them, and which of their tokens the batch's own tokens see.
import Datasets
import Graph
import Kernels

/// Memory that is kept from one micro-batch to the next, so that a step allocates nothing.
struct SourceStream {
  private var positions: [Int32] = []
  /// The ends of the keys that tokens of sources see, and that tokens of the batch see. All begin at 0.
  private var ends: [Int32] = []
  private var outerEnds: [Int32] = []
  private var zeros: [Int32] = []

  /// Fills the memory for a batch: everybody sees the whole source, but no padding.
  mutating func fill(_ batch: Batch) {
    positions.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    outerEnds.removeAll(keepingCapacity: true)
    zeros.removeAll(keepingCapacity: true)
    guard let source = batch.source else { return }
    for row in 0..<batch.rows {
      for place in 0..<source.length {
        positions.append(Int32(place))
        ends.append(source.lengths[row])
      }
      outerEnds.append(contentsOf: repeatElement(source.lengths[row], count: batch.length))
    }
    zeros.append(contentsOf: repeatElement(0, count: batch.rows * max(source.length, batch.length)))
  }

  /// - Parameter body: called with the sources, and with the keys of them that the batch's tokens see; both nil where
  ///   the batch has no sources.
  func with<T>(_ batch: Batch, _ body: (TokenStream?, KeyIntervals?) throws -> T) rethrows -> T {
    guard let source = batch.source else { return try body(nil, nil) }
    return try withPointers(source.tokens, positions) { tokens, positions in
      try withPointers(ends, outerEnds) { ends, outerEnds in
        try withPointers(zeros, zeros) { zeros, _ in
          try body(
            TokenStream(
              tokens: tokens!, positions: positions!, keys: KeyIntervals(first: zeros!, end: ends!)),
            KeyIntervals(first: zeros!, end: outerEnds!))
        }
      }
    }
  }
}

/// The elements of two arrays; nil for those of an empty one.
func withPointers<A, B, T>(
  _ a: [A], _ b: [B], _ body: (UnsafePointer<A>?, UnsafePointer<B>?) throws -> T
) rethrows -> T {
  try a.withUnsafeBufferPointer { a in
    try b.withUnsafeBufferPointer { b in
      try body(a.isEmpty ? nil : a.baseAddress, b.isEmpty ? nil : b.baseAddress)
    }
  }
}
