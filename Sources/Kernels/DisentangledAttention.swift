// Disentangled attention (He et al. 2021): beside the product of their contents, a query and a key have a score by the
// content of one and the distance to the other.
//   S = scale · (Q Kᵀ + [Q Rkᵀ] + [K Rqᵀ]ᵀ),  P = softmax(S),  O = P V,
// where [·] picks, for each pair, the row of the table of distances that is meant for the two.
//
// B = sequences, T = tokens of a sequence, H = heads of width D, R = rows of the table.
//
// Backward: dV = Pᵀ dO,  dP = dO Vᵀ,  dS = P ∘ (dP − rowsum(dO ∘ O)),
//   dQ = scale · (dS K + dA Rk),  dK = scale · (dSᵀ Q + dB Rq),  dRk += scale · dAᵀ Q,  dRq += scale · dBᵀ K,
// where dA and dB are the sums of dS over the keys, or queries, of each distance.

package struct DisentangledShape: Sendable {
  package var sequences: Int
  package var length: Int
  package var heads: Int
  package var headWidth: Int
  /// The distance between rows of queries, of keys and of values.
  package var stride: Int
  /// R, and the distance between rows of the projected table.
  package var distances: Int
  package var distanceStride: Int
  package var scale: Float

  package init(
    sequences: Int, length: Int, heads: Int, headWidth: Int, stride: Int, distances: Int,
    distanceStride: Int, scale: Float
  ) {
    self.sequences = sequences
    self.length = length
    self.heads = heads
    self.headWidth = headWidth
    self.stride = stride
    self.distances = distances
    self.distanceStride = distanceStride
    self.scale = scale
  }

  var outputStride: Int { heads * headWidth }
  /// Elements that one worker needs: scores and their gradients, and those by distance of queries and of keys.
  package var scratchCount: Int { 2 * length * length + 2 * length * distances }
}

/// What attention reads; the projected table of distances for queries, and for keys, is nil where it has no such part.
package struct DisentangledOperands {
  let q: UnsafePointer<Float>
  let k: UnsafePointer<Float>
  let v: UnsafePointer<Float>
  let distanceKeys: UnsafePointer<Float>?
  let distanceQueries: UnsafePointer<Float>?
  /// [2T − 1]: the row of the table for the distance of a query behind a key, from −(T − 1) on.
  let rows: UnsafePointer<Int32>
  let intervals: KeyIntervals

  package init(
    q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
    distanceKeys: UnsafePointer<Float>?, distanceQueries: UnsafePointer<Float>?, rows: UnsafePointer<Int32>,
    intervals: KeyIntervals
  ) {
    self.q = q
    self.k = k
    self.v = v
    self.distanceKeys = distanceKeys
    self.distanceQueries = distanceQueries
    self.rows = rows
    self.intervals = intervals
  }
}

/// Where the gradients of the operands go, with the same strides.
package struct DisentangledGradients {
  let dq: UnsafeMutablePointer<Float>
  let dk: UnsafeMutablePointer<Float>
  let dv: UnsafeMutablePointer<Float>
  let dDistanceKeys: UnsafeMutablePointer<Float>?
  let dDistanceQueries: UnsafeMutablePointer<Float>?

  package init(
    dq: UnsafeMutablePointer<Float>, dk: UnsafeMutablePointer<Float>, dv: UnsafeMutablePointer<Float>,
    dDistanceKeys: UnsafeMutablePointer<Float>?, dDistanceQueries: UnsafeMutablePointer<Float>?
  ) {
    self.dq = dq
    self.dk = dk
    self.dv = dv
    self.dDistanceKeys = dDistanceKeys
    self.dDistanceQueries = dDistanceQueries
  }
}

/// The memory of one head of one sequence.
private struct DisentangledSlot {
  let scores: UnsafeMutablePointer<Float>
  let dScores: UnsafeMutablePointer<Float>
  let ofQueries: UnsafeMutablePointer<Float>
  let ofKeys: UnsafeMutablePointer<Float>

  init(_ s: DisentangledShape, _ scratch: UnsafeMutablePointer<Float>) {
    scores = scratch
    dScores = scores + s.length * s.length
    ofQueries = dScores + s.length * s.length
    ofKeys = ofQueries + s.length * s.distances
  }
}

extension Engine {
  /// - Parameters:
  ///   - output: [B · T, H · D]; logSums: [B, H, T].
  ///   - scratch: `scratchCount` elements for each worker.
  package func disentangledAttention(
    _ s: DisentangledShape, _ operands: DisentangledOperands, dropout: Dropout?,
    sampleIDs: UnsafePointer<Int32>, output: UnsafeMutablePointer<Float>,
    logSums: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    pool.run(s.sequences * s.heads) { tile, worker in
      let (sequence, head) = (tile / s.heads, tile % s.heads)
      let slot = DisentangledSlot(s, scratch + worker * s.scratchCount)
      score(s, operands, sequence: sequence, head: head, slot)
      let n = s.length
      for row in 0..<n {
        let scoresN = slot.scores + row * n
        logSums[tile * n + row] = softmax(scoresN, visible: operands.visible(sequence, row, s), count: n)
        dropout?.apply(
          scoresN, into: scoresN, count: n, plane: head, position: row, sample: sampleIDs[sequence])
      }
      let start = sequence * n * s.stride + head * s.headWidth
      product(
        .none, m: n, n: s.headWidth, k: n, slot.scores, n, operands.v + start, s.stride,
        output + sequence * n * s.outputStride + head * s.headWidth, s.outputStride)
    }
  }

  /// Writes all scores of one head.
  private func score(
    _ s: DisentangledShape, _ operands: DisentangledOperands, sequence: Int, head: Int,
    _ slot: DisentangledSlot
  ) {
    let (n, d, rows) = (s.length, s.headWidth, s.distances)
    let start = sequence * n * s.stride + head * d
    let (q, k) = (operands.q + start, operands.k + start)
    product(.second, m: n, n: n, k: d, alpha: s.scale, q, s.stride, k, s.stride, slot.scores, n)
    if let keys = operands.distanceKeys {
      product(
        .second, m: n, n: rows, k: d, alpha: s.scale, q, s.stride, keys + head * d, s.distanceStride,
        slot.ofQueries, rows)
      for query in 0..<n {
        let (scoresN, ofQuery) = (slot.scores + query * n, slot.ofQueries + query * rows)
        let places = operands.rows + query + n - 1
        for key in operands.visible(sequence, query, s) { scoresN[key] += ofQuery[Int(places[-key])] }
      }
    }
    if let queries = operands.distanceQueries {
      product(
        .second, m: n, n: rows, k: d, alpha: s.scale, k, s.stride, queries + head * d, s.distanceStride,
        slot.ofKeys, rows)
      for query in 0..<n {
        let scoresN = slot.scores + query * n
        let places = operands.rows + query + n - 1
        for key in operands.visible(sequence, query, s) {
          scoresN[key] += slot.ofKeys[key * rows + Int(places[-key])]
        }
      }
    }
  }

  /// Writes all gradients anew. Those of the table are added in the order of the sequences, whichever worker does it.
  /// - Parameter scratch: `scratchCount` elements for each worker.
  package func disentangledAttentionBackward(
    _ s: DisentangledShape, _ operands: DisentangledOperands, _ gradients: DisentangledGradients,
    output: UnsafePointer<Float>, dOutput: UnsafePointer<Float>, logSums: UnsafePointer<Float>,
    dropout: Dropout?, sampleIDs: UnsafePointer<Int32>, scratch: UnsafeMutablePointer<Float>
  ) {
    pool.run(s.heads) { head, worker in
      let slot = DisentangledSlot(s, scratch + worker * s.scratchCount)
      for sequence in 0..<s.sequences {
        gradientOfScores(
          s, operands, sequence: sequence, head: head, output: output, dOutput: dOutput,
          logSums: logSums + (sequence * s.heads + head) * s.length, dropout, sample: sampleIDs[sequence],
          dv: gradients.dv, slot)
        spread(s, operands, gradients, sequence: sequence, head: head, slot)
      }
    }
  }

  /// Leaves dS of one head in its slot, and writes dV.
  private func gradientOfScores(
    _ s: DisentangledShape, _ operands: DisentangledOperands, sequence: Int, head: Int,
    output: UnsafePointer<Float>, dOutput: UnsafePointer<Float>, logSums: UnsafePointer<Float>,
    _ dropout: Dropout?, sample: Int32, dv: UnsafeMutablePointer<Float>, _ slot: DisentangledSlot
  ) {
    let (n, d) = (s.length, s.headWidth)
    let start = sequence * n * s.stride + head * d
    let outputStart = sequence * n * s.outputStride + head * d
    score(s, operands, sequence: sequence, head: head, slot)
    product(
      .second, m: n, n: n, k: d, dOutput + outputStart, s.outputStride, operands.v + start, s.stride,
      slot.dScores, n)
    for row in 0..<n {
      let (pN, dN) = (slot.scores + row * n, slot.dScores + row * n)
      let visible = operands.visible(sequence, row, s)
      forEachVector(in: visible) { $0.store(exponential($0.load(pN) - logSums[row]), pN) }
      pN.update(repeating: 0, count: visible.lowerBound)
      (pN + visible.upperBound).update(repeating: 0, count: n - visible.upperBound)
      let place = outputStart + row * s.outputStride
      var along = Vector()
      forEachVector(d) { along = along.adding($0.load(output + place), times: $0.load(dOutput + place)) }
      dropout?.apply(dN, into: dN, count: n, plane: head, position: row, sample: sample)
      let alongV = Vector(repeating: along.total)
      forEachVector(n) { $0.store($0.load(pN) * ($0.load(dN) - alongV), dN) }
      dropout?.apply(pN, into: pN, count: n, plane: head, position: row, sample: sample)
    }
    product(
      .first, m: n, n: d, k: n, slot.scores, n, dOutput + outputStart, s.outputStride, dv + start, s.stride)
  }

  /// Writes dQ and dK of one head, and adds to the gradients of the table.
  private func spread(
    _ s: DisentangledShape, _ operands: DisentangledOperands, _ gradients: DisentangledGradients,
    sequence: Int, head: Int, _ slot: DisentangledSlot
  ) {
    let (n, d, rows) = (s.length, s.headWidth, s.distances)
    let start = sequence * n * s.stride + head * d
    let (q, k) = (operands.q + start, operands.k + start)
    let (dq, dk) = (gradients.dq + start, gradients.dk + start)
    product(.none, m: n, n: d, k: n, alpha: s.scale, slot.dScores, n, k, s.stride, dq, s.stride)
    product(.first, m: n, n: d, k: n, alpha: s.scale, slot.dScores, n, q, s.stride, dk, s.stride)
    /// Sums dS by distance, and adds what follows to the gradients of one side and of the table.
    func add(
      _ sums: UnsafeMutablePointer<Float>, bySide side: (_ query: Int, _ key: Int) -> Int,
      _ table: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
      _ dTable: UnsafeMutablePointer<Float>?
    ) {
      sums.update(repeating: 0, count: n * rows)
      for query in 0..<n {
        let places = operands.rows + query + n - 1
        for key in operands.visible(sequence, query, s) {
          sums[side(query, key) * rows + Int(places[-key])] += slot.dScores[query * n + key]
        }
      }
      product(
        .none, m: n, n: d, k: rows, alpha: s.scale, sums, rows, table + head * d, s.distanceStride, beta: 1,
        dx,
        s.stride)
      guard let dTable else { return }
      product(
        .first, m: rows, n: d, k: n, alpha: s.scale, sums, rows, x, s.stride, beta: sequence == 0 ? 0 : 1,
        dTable + head * d, s.distanceStride)
    }
    if let table = operands.distanceKeys {
      add(slot.ofQueries, bySide: { query, _ in query }, table, q, dq, gradients.dDistanceKeys)
    }
    if let table = operands.distanceQueries {
      add(slot.ofKeys, bySide: { _, key in key }, table, k, dk, gradients.dDistanceQueries)
    }
  }
}

extension DisentangledOperands {
  /// The keys that a query sees.
  @inline(__always)
  fileprivate func visible(_ sequence: Int, _ row: Int, _ s: DisentangledShape) -> Range<Int> {
    let place = sequence * s.length + row
    let (first, end) = (Int(intervals.first[place]), Int(intervals.end[place]))
    return first < end ? first..<end : 0..<0
  }
}
