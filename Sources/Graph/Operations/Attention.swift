// Self-attention of queries, keys and values that lie side by side: [rows, (H + 2G) · D]. While decoding, keys and
// values of earlier tokens come from a cache.
import Foundation
import Kernels
import Tensors

/// Cosines and sines of rotary positions, as far as they are needed.
package final class RotaryTable: @unchecked Sendable {
  /// Angles per position: [D / 2], in radians.
  package let frequencies: [Float]
  private let headWidth: Int
  private var memory = FlatMemory(count: 0, label: "rotary table")
  private let lock = NSLock()

  /// - Parameter frequencies: [D / 2] in the order of the half-split form.
  package init(frequencies: [Float]) {
    self.frequencies = frequencies
    headWidth = 2 * frequencies.count
  }

  /// [positions, D]: cosines, then sines. Angles are fp32 products, as in transformers.
  func table(positions: Int) -> FlatMemory {
    lock.withLock {
      if memory.count < positions * headWidth {
        memory = FlatMemory(count: positions * headWidth, label: "rotary table")
        for position in 0..<positions {
          for (index, frequency) in frequencies.enumerated() {
            let angle = Double(Float(position) * frequency)
            memory.base[position * headWidth + index] = Float(cos(angle))
            memory.base[position * headWidth + headWidth / 2 + index] = Float(sin(angle))
          }
        }
      }
      return memory
    }
  }
}

extension Graph {
  /// - Parameters:
  ///   - qkv: queries of all heads, keys of all key heads, values of all key heads, side by side. Rotation
  ///     happens in place: nothing else may read this value.
  ///   - isCausal: whether a query sees the keys before it only. The intervals of the input decide; this is to count
  ///     operations.
  ///   - dropout: the probability that a query misses a key, in training.
  /// - Returns: [rows, H · D].
  package func attention(
    _ qkv: Value, heads: Int, keyHeads: Int, headWidth: Int, rotary: RotaryTable? = nil,
    isCausal: Bool = true, dropout: Double = 0
  ) -> Value {
    precondition(qkv.columns == (heads + 2 * keyHeads) * headWidth, "queries, keys and values do not fit")
    let cached = cache
    let shape = AttentionShape(
      sequences: shape.sequences, queries: shape.length, keys: cached?.capacity ?? shape.length, heads: heads,
      keyHeads: keyHeads, headWidth: headWidth, queryStride: qkv.columns,
      keyStride: cached == nil ? qkv.columns : headWidth,
      keyHeadStride: cached.map { $0.capacity * headWidth },
      keySequenceStride: cached.map { keyHeads * $0.capacity * headWidth },
      outputStride: heads * headWidth, scale: 1 / Float(headWidth).squareRoot())
    let probability = dropsOut ? dropout : 0
    let operation = Attention(
      shape: shape, rotary: declaring ? nil : rotary?.table(positions: cached?.capacity ?? shape.queries),
      isCausal: isCausal, probability: probability, site: probability > 0 ? nextSite() : 0, cache: cached,
      trains: purpose == .training,
      layer: cached == nil ? 0 : nextSite() - 1)
    return append(
      operation, inputs: [qkv], columns: heads * headWidth,
      keeping: [(rows: shape.sequences * heads, columns: shape.queries)])
  }
}

struct Attention: Operation, @unchecked Sendable {
  let shape: AttentionShape
  let rotary: FlatMemory?
  let isCausal: Bool
  let probability: Double
  let site: Int
  let cache: KeyValueCache?
  /// Whether backward may follow.
  let trains: Bool
  /// The number of this attention's range of the cache.
  let layer: Int

  var keeps: Keeps { Keeps(inputs: [0], outputs: [0]) }
  var isAttention: Bool { true }

  func scratchCount(threads: Int) -> Int {
    let forward = shape.scratchCount * threads
    return trains ? max(forward, shape.backwardScratchCount(threads: threads)) : forward
  }

  /// The products for scores and weighted values, with (keys + 1) / 2 keys on average where attention is causal.
  var productOperations: Double {
    4 * Double(rows) * (isCausal ? Double(shape.keys + 1) / 2 : Double(shape.keys))
      * Double(shape.heads * shape.headWidth)
  }

  private var keyStart: Int { shape.heads * shape.headWidth }
  private var valueStart: Int { keyStart + shape.keyHeads * shape.headWidth }
  private var rows: Int { shape.sequences * shape.queries }

  private func rotate(_ qkv: UnsafeMutablePointer<Float>, _ frame: Frame, inverse: Bool) {
    guard let rotary else { return }
    // Keys lie behind queries, head after head, so that one call rotates both.
    frame.engine.rotate(
      qkv, heads: shape.heads + shape.keyHeads, headWidth: shape.headWidth, rows: rows,
      stride: shape.queryStride, table: rotary.base, positions: frame.input.stream.positions, inverse: inverse
    )
  }

  private func dropout(_ frame: Frame) -> Dropout? {
    guard probability > 0 else { return nil }
    return Dropout(probability: probability, seed: frame.input.seed, step: frame.input.step, site: site)
  }

  func forward(_ frame: Frame) {
    let qkv = frame.input(0)
    rotate(qkv, frame, inverse: false)
    var keys = UnsafePointer(qkv + keyStart)
    var values = UnsafePointer(qkv + valueStart)
    if let cache {
      let stored = cache.layer(layer, keyHeads: shape.keyHeads, headWidth: shape.headWidth)
      store(qkv, in: stored, cache, frame)
      keys = UnsafePointer(stored.base + cache.first * shape.keySequenceStride)
      values = keys + stored.valueStart
    }
    frame.engine.attention(
      shape, q: qkv, k: keys, v: values, intervals: frame.input.stream.keys, dropout: dropout(frame),
      sampleIDs: frame.input.sampleIDs, output: frame.output(0), logSums: frame.kept(0),
      scratch: frame.scratch)
  }

  /// Puts the keys and values of this run's tokens behind those of earlier ones.
  private func store(
    _ qkv: UnsafeMutablePointer<Float>, in stored: KeyValueCache.Layer, _ cache: KeyValueCache, _ frame: Frame
  ) {
    frame.engine.pool.run(shape.sequences) { sequence, _ in
      for token in 0..<cache.lengths[sequence] {
        let row = qkv + (sequence * shape.queries + token) * shape.queryStride
        let place = (cache.counts[cache.first + sequence] + token) * shape.headWidth
        for head in 0..<shape.keyHeads {
          let target =
            stored.base + (cache.first + sequence) * shape.keySequenceStride + head * shape.keyHeadStride
            + place
          target.update(from: row + keyStart + head * shape.headWidth, count: shape.headWidth)
          (target + stored.valueStart).update(
            from: row + valueStart + head * shape.headWidth, count: shape.headWidth)
        }
      }
    }
  }

  func backward(_ frame: Frame) {
    guard let dQKV = frame.inputGradient(0) else { return }
    precondition(!dQKV.adding, "something else reads the queries, keys and values")
    let qkv = frame.input(0)
    frame.engine.attentionBackward(
      shape,
      AttentionGradients(
        q: qkv, k: qkv + keyStart, v: qkv + valueStart, output: frame.output(0),
        dOutput: frame.outputGradient(0), logSums: frame.kept(0), dq: dQKV.base, dk: dQKV.base + keyStart,
        dv: dQKV.base + valueStart),
      intervals: frame.input.stream.keys, dropout: dropout(frame), sampleIDs: frame.input.sampleIDs,
      scratch: frame.scratch)
    rotate(dQKV.base, frame, inverse: true)
  }
}
