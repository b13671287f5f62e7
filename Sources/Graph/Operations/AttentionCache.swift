// The cache of decoding: keys and values of earlier tokens, or of a whole source.
//
// Where attention to whole texts multiplies rounded operands (HalfAttention.swift), queries are rounded here, and keys and
// values as the cache takes them. Their products in fp32 are then the same but for the order of sums.
import Kernels
import Tensors

extension Attention {
  func rounds(_ frame: Frame) -> Bool { shape.rounding == .probabilities && frame.engine.hasHalfDots }

  /// Rounds queries in their place.
  func roundQueries(_ x: UnsafeMutablePointer<Float>, _ frame: Frame) {
    frame.engine.pool.run(rows) { row, _ in
      for head in 0..<shape.heads {
        BFloat16.round(x + row * shape.queryStride + head * shape.queryHeadStride, count: shape.headWidth)
      }
    }
  }

  /// Puts the keys and values of this run's tokens behind those of earlier ones, or those of a whole source.
  func store(in stored: KeyValueCache.Layer, _ cache: KeyValueCache, _ frame: Frame) {
    let (keys, values) = (matrix(k, frame), matrix(v, frame))
    let given = frame.node.inputs[k.input].rows / shape.sequences
    frame.engine.pool.run(shape.sequences) { sequence, _ in
      let first = isOfSource ? 0 : cache.counts[cache.first + sequence]
      if let prefix, first == prefix.count {
        store(prefix, in: stored, sequence: cache.first + sequence, frame)
      }
      for token in 0..<(isOfSource ? given : cache.lengths[sequence]) {
        let row = (sequence * given + token) * keyStride
        let place = (first + token) * shape.headWidth
        for head in 0..<shape.keyHeads {
          let target =
            stored.base + (cache.first + sequence) * shape.keySequenceStride + head * shape.keyHeadStride
            + place
          put(keys + row + head * headStride, at: target, frame)
          put(values + row + head * headStride, at: target + stored.valueStart, frame)
        }
      }
    }
  }

  /// Copies one head of a key or value.
  func put(_ numbers: UnsafePointer<Float>, at target: UnsafeMutablePointer<Float>, _ frame: Frame) {
    target.update(from: numbers, count: shape.headWidth)
    if rounds(frame) { BFloat16.round(target, count: shape.headWidth) }
  }
}
