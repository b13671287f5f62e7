// A micro-batch of random tokens: some have no target, and some rows are packed from several documents.
import Graph
import Kernels
import Reference

final class TestBatch: Sendable {
  let shape: BatchShape
  let tokens: [Int32]
  let targets: [Int32]
  let positions: [Int32]
  let types: [Int32]
  let firstKeys: [Int32]
  let endKeys: [Int32]
  /// Of each sequence's own tokens as its source: all but the last of the first sequence, one less of the next, and so on.
  let sourceFirstKeys: [Int32]
  let sourceEndKeys: [Int32]
  let sampleIDs: [Int32]
  let seed: UInt64 = 0x1234_5678_9ABC
  let step = 17

  /// - Parameters:
  ///   - isCausal: whether a query sees the keys up to itself, or all of its document.
  ///   - prefix: how many keys stand before those of all tokens.
  init(
    _ shape: BatchShape, vocabulary: Int, draw: inout Draw, packed: Bool = true, isCausal: Bool = true,
    prefix: Int = 0
  ) {
    self.shape = shape
    tokens = draw.integers(shape.rows, below: vocabulary)
    var targets: [Int32] = []
    var positions: [Int32] = []
    var firstKeys: [Int32] = []
    for _ in 0..<shape.sequences {
      var first = 0
      for place in 0..<shape.length {
        if packed, draw.chance(0.2) { first = place }
        positions.append(Int32(prefix + place - first))
        firstKeys.append(Int32(first))
        targets.append(draw.chance(0.3) ? -1 : Int32(draw.below(vocabulary)))
      }
    }
    // At least one target, so that there is a gradient.
    targets[0] = 0
    self.targets = targets
    self.positions = positions
    self.firstKeys = firstKeys
    endKeys = (0..<shape.rows).map { row in
      if isCausal { return Int32(prefix + row % shape.length + 1) }
      let end = row - row % shape.length + shape.length
      let next = (row + 1..<end).first { firstKeys[$0] != firstKeys[row] } ?? end
      return Int32(next - end + shape.length)
    }
    sourceFirstKeys = [Int32](repeating: 0, count: shape.rows)
    sourceEndKeys = (0..<shape.rows).map { Int32(max(shape.length - 1 - $0 / shape.length, 1)) }
    types = (0..<shape.rows).map { $0 % shape.length > shape.length / 2 ? 1 : 0 }
    sampleIDs = (0..<shape.sequences).map { Int32(5 * $0 + 2) }
  }

  func withInput<T>(_ body: (GraphInput) throws -> T) rethrows -> T {
    try tokens.withUnsafeBufferPointer { tokens in
      try targets.withUnsafeBufferPointer { targets in
        try positions.withUnsafeBufferPointer { positions in
          try types.withUnsafeBufferPointer { types in
            try firstKeys.withUnsafeBufferPointer { firstKeys in
              try endKeys.withUnsafeBufferPointer { endKeys in
                try sampleIDs.withUnsafeBufferPointer { sampleIDs in
                  let keys = KeyIntervals(first: firstKeys.baseAddress!, end: endKeys.baseAddress!)
                  let stream = TokenStream(
                    tokens: tokens.baseAddress!, positions: positions.baseAddress!,
                    types: types.baseAddress!, keys: keys)
                  return try sourceFirstKeys.withUnsafeBufferPointer { sourceFirst in
                    try sourceEndKeys.withUnsafeBufferPointer { sourceEnd in
                      try body(
                        GraphInput(
                          stream: stream,
                          sourceKeys: KeyIntervals(
                            first: sourceFirst.baseAddress!, end: sourceEnd.baseAddress!),
                          targets: targets.baseAddress!, sampleIDs: sampleIDs.baseAddress!, scale: 1,
                          seed: seed, step: step))
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
