// Keys and values that belong to no token: they stand before those of every sequence, and all queries see them. They are
// not rotated.
//
// Kernels read keys and values that lie together, so that both are copied into scratch memory, [B, n + T, 2G · D], in
// forward and again in backward. The cache of decoding holds the prefix from the first run of a sequence on.
import Kernels

extension Attention {
  /// n keys and values of one layer.
  struct Prefix {
    /// n
    let count: Int
    /// The input that holds those of all layers, [n, layers · 2G · D].
    let input: Int
    let columns: Int
    /// Its first column of this layer.
    let start: Int
  }

  /// The columns of the keys of all heads, which are as many as those of the values.
  private var keyColumns: Int { shape.keyHeads * shape.headWidth }
  private var joinedColumns: Int { 2 * keyColumns }

  /// Elements of keys and values of all sequences with their prefixes, in whole cache lines; 0 without a prefix.
  var joinedRoom: Int {
    prefix == nil || cache != nil ? 0 : (shape.sequences * shape.keys * joinedColumns + 15) / 16 * 16
  }

  /// Puts keys and values of the tokens behind the prefix.
  func join(_ prefix: Prefix, _ frame: Frame, into joined: UnsafeMutablePointer<Float>) {
    let (keys, values) = (matrix(k, frame), matrix(v, frame))
    let given = frame.input(prefix.input) + prefix.start
    frame.engine.pool.run(shape.sequences) { sequence, _ in
      let first = joined + sequence * shape.keys * joinedColumns
      for row in 0..<prefix.count {
        (first + row * joinedColumns).update(from: given + row * prefix.columns, count: joinedColumns)
      }
      for token in 0..<shape.queries {
        let source = (sequence * shape.queries + token) * keyStride
        let target = first + (prefix.count + token) * joinedColumns
        for head in 0..<shape.keyHeads {
          let place = target + head * shape.headWidth
          place.update(from: keys + source + head * headStride, count: shape.headWidth)
          (place + keyColumns).update(from: values + source + head * headStride, count: shape.headWidth)
        }
      }
    }
  }

  /// Hands the gradient of joined keys and values to the tokens and to the prefix, whose parts are added in the order of
  /// the sequences.
  func split(
    _ joined: UnsafePointer<Float>, _ prefix: Prefix, _ frame: Frame, dk: UnsafeMutablePointer<Float>?,
    dv: UnsafeMutablePointer<Float>?
  ) {
    let engine = frame.engine
    engine.pool.run(shape.sequences) { sequence, _ in
      for token in 0..<shape.queries {
        let source = joined + (sequence * shape.keys + prefix.count + token) * joinedColumns
        let target = (sequence * shape.queries + token) * keyStride
        for head in 0..<shape.keyHeads {
          let place = source + head * shape.headWidth
          if let dk { (dk + target + head * headStride).update(from: place, count: shape.headWidth) }
          if let dv {
            (dv + target + head * headStride).update(from: place + keyColumns, count: shape.headWidth)
          }
        }
      }
    }
    guard let dPrefix = frame.inputGradient(prefix.input) else { return }
    if !dPrefix.adding { engine.clear(dPrefix.base, count: prefix.count * prefix.columns) }
    engine.pool.run(prefix.count) { row, _ in
      let target = dPrefix.base + row * prefix.columns + prefix.start
      for sequence in 0..<shape.sequences {
        let source = joined + (sequence * shape.keys + row) * joinedColumns
        for column in 0..<joinedColumns { target[column] += source[column] }
      }
    }
  }

  /// Puts the prefix before the first token of a sequence into its part of the cache.
  func store(
    _ prefix: Prefix, in stored: KeyValueCache.Layer, sequence: Int, _ frame: Frame
  ) {
    let given = frame.input(prefix.input) + prefix.start
    for head in 0..<shape.keyHeads {
      let target = stored.base + sequence * shape.keySequenceStride + head * shape.keyHeadStride
      for row in 0..<prefix.count {
        let source = given + row * prefix.columns + head * shape.headWidth
        let place = target + row * shape.headWidth
        put(source, at: place, frame)
        put(source + keyColumns, at: place + stored.valueStart, frame)
      }
    }
  }
}
