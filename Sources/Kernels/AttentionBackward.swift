// Backward of attention. P = exp(S − L) is computed again, a block of 64 queries at a time:
//   dV += Pᵀ dO,  dP = dO Vᵀ,  dS = P ∘ (dP − rowsum(dO ∘ O)),  dQ = scale · dS K,  dK += scale · dSᵀ Q.
//
// Blocks that read the same key head add to the same dK and dV, in the order of query heads and blocks, whichever
// worker computes them. Names as in Attention.swift.

extension AttentionShape {
  /// Elements that one block of queries needs: its probabilities, their gradients, and a column.
  private var slotCount: Int { 2 * Self.block * keys + Self.block }

  /// The number of blocks of queries that read one key head.
  fileprivate var readers: Int { heads / keyHeads * blocks }

  /// Whether several workers share a key head: they do if one worker per key head would leave cores idle. It follows
  /// from the shape alone, as results may depend on it.
  fileprivate var isShared: Bool { sequences * keyHeads < 16 && readers > 1 }

  /// How many blocks have their slots in memory at once if a key head is shared: 64 MB of slots at most.
  fileprivate var sharedSlots: Int { min(readers, max(2, min(16, (16 << 20) / slotCount))) }

  /// How many workers backward can keep busy at once.
  package var backwardPieces: Int { isShared ? sharedSlots : sequences * keyHeads }

  /// Scratch of backward, in elements.
  package func backwardScratchCount(threads: Int) -> Int {
    slotCount * (isShared ? sharedSlots : threads)
  }

  fileprivate func slot(_ index: Int, in scratch: UnsafeMutablePointer<Float>) -> AttentionSlot {
    let start = scratch + index * slotCount
    let dScores = start + Self.block * keys
    return AttentionSlot(probabilities: start, dScores: dScores, alongs: dScores + Self.block * keys)
  }
}

/// The memory of one block of queries: P and dS, row after row, and rowsum(dO ∘ O).
private struct AttentionSlot {
  let probabilities: UnsafeMutablePointer<Float>
  let dScores: UnsafeMutablePointer<Float>
  let alongs: UnsafeMutablePointer<Float>
}

/// What backward reads, and the gradients that it writes with the strides of the operands.
package struct AttentionGradients {
  let q: UnsafePointer<Float>
  let k: UnsafePointer<Float>
  let v: UnsafePointer<Float>
  let output: UnsafePointer<Float>
  let dOutput: UnsafePointer<Float>
  let logSums: UnsafePointer<Float>
  let dq: UnsafeMutablePointer<Float>
  let dk: UnsafeMutablePointer<Float>
  let dv: UnsafeMutablePointer<Float>

  package init(
    q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
    output: UnsafePointer<Float>, dOutput: UnsafePointer<Float>, logSums: UnsafePointer<Float>,
    dq: UnsafeMutablePointer<Float>, dk: UnsafeMutablePointer<Float>, dv: UnsafeMutablePointer<Float>
  ) {
    self.q = q
    self.k = k
    self.v = v
    self.output = output
    self.dOutput = dOutput
    self.logSums = logSums
    self.dq = dq
    self.dk = dk
    self.dv = dv
  }
}

extension Engine {
  /// Writes the gradients of queries, keys and values anew.
  /// - Parameters:
  ///   - intervals, dropout, sampleIDs: as in forward.
  ///   - scratch: `backwardScratchCount` elements.
  package func attentionBackward(
    _ shape: AttentionShape, _ gradients: AttentionGradients, intervals: KeyIntervals,
    dropout: Dropout?, sampleIDs: UnsafePointer<Int32>, scratch: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    func block(_ reader: Int, of sequence: Int, keyHead: Int) -> AttentionBlock {
      AttentionBlock(
        s, sequence: sequence, head: keyHead * (s.heads / s.keyHeads) + reader / s.blocks,
        index: reader % s.blocks, intervals)
    }
    guard s.isShared else {
      pool.run(s.sequences * s.keyHeads) { tile, worker in
        let (sequence, keyHead) = (tile / s.keyHeads, tile % s.keyHeads)
        clearKeyGradients(s, gradients, sequence: sequence, keyHead: keyHead, keys: 0..<s.keys)
        let slot = s.slot(worker, in: scratch)
        for reader in 0..<s.readers {
          let block = block(reader, of: sequence, keyHead: keyHead)
          queryGradients(block, gradients, dropout, sample: sampleIDs[sequence], slot)
          if !block.keys.isEmpty { addKeyGradients(block, gradients, keys: block.keys, slot) }
        }
      }
      return
    }
    let slots = s.sharedSlots
    let keyTile = 128
    let keyTiles = (s.keys + keyTile - 1) / keyTile
    func keys(_ tile: Int) -> Range<Int> { tile * keyTile..<min((tile + 1) * keyTile, s.keys) }
    for head in 0..<s.sequences * s.keyHeads {
      let (sequence, keyHead) = (head / s.keyHeads, head % s.keyHeads)
      pool.run(keyTiles) { tile, _ in
        clearKeyGradients(s, gradients, sequence: sequence, keyHead: keyHead, keys: keys(tile))
      }
      for first in stride(from: 0, to: s.readers, by: slots) {
        let count = min(slots, s.readers - first)
        pool.run(count) { index, _ in
          let block = block(first + index, of: sequence, keyHead: keyHead)
          queryGradients(
            block, gradients, dropout, sample: sampleIDs[sequence], s.slot(index, in: scratch))
        }
        pool.run(keyTiles) { tile, _ in
          for index in 0..<count {
            let block = block(first + index, of: sequence, keyHead: keyHead)
            let part = block.keys.clamped(to: keys(tile))
            if !part.isEmpty { addKeyGradients(block, gradients, keys: part, s.slot(index, in: scratch)) }
          }
        }
      }
    }
  }

  private func clearKeyGradients(
    _ s: AttentionShape, _ gradients: AttentionGradients, sequence: Int, keyHead: Int, keys: Range<Int>
  ) {
    let headStart = sequence * s.keys * s.keyStride + keyHead * s.headWidth
    for key in keys {
      (gradients.dk + headStart + key * s.keyStride).update(repeating: 0, count: s.headWidth)
      (gradients.dv + headStart + key * s.keyStride).update(repeating: 0, count: s.headWidth)
    }
  }

  /// Writes dQ of a block, and leaves in its slot what dK and dV are computed from.
  private func queryGradients(
    _ block: AttentionBlock, _ gradients: AttentionGradients, _ dropout: Dropout?, sample: Int32,
    _ slot: AttentionSlot
  ) {
    let s = block.shape
    let width = block.keys.count
    let rows = block.rows.count
    guard width > 0 else {
      for row in 0..<rows {
        (gradients.dq + block.queryStart + row * s.queryStride).update(repeating: 0, count: s.headWidth)
      }
      return
    }
    let keyStart = block.keyStart
    let (probabilities, dScores) = (slot.probabilities, slot.dScores)
    block.scores(self, q: gradients.q, k: gradients.k + keyStart, into: probabilities)
    let logs = gradients.logSums + (block.sequence * s.heads + block.head) * s.queries
    product(
      .second, m: rows, n: width, k: s.headWidth, gradients.dOutput + block.outputStart,
      s.outputStride, gradients.v + keyStart, s.keyStride, dScores, width)
    for row in block.rows {
      let local = row - block.rows.lowerBound
      let outputRow = block.outputStart + local * s.outputStride
      var along = Vector()
      forEachVector(s.headWidth) {
        along = along.adding(
          $0.load(gradients.output + outputRow), times: $0.load(gradients.dOutput + outputRow))
      }
      slot.alongs[local] = along.total
      let pN = probabilities + local * width
      let dN = dScores + local * width
      normalise(pN, visible: block.visible(row), logSum: logs[row], count: width)
      if let dropout {
        dropout.apply(dN, into: dN, count: width, plane: block.head, position: row, sample: sample)
      }
      let alongV = Vector(repeating: slot.alongs[local])
      forEachVector(width) { $0.store($0.load(pN) * ($0.load(dN) - alongV), dN) }
      // dV takes the probabilities that V was multiplied by, with zeros where they were dropped.
      if let dropout {
        dropout.apply(pN, into: pN, count: width, plane: block.head, position: row, sample: sample)
      }
    }
    product(
      .none, m: rows, n: s.headWidth, k: width, alpha: s.scale, dScores, width, gradients.k + keyStart,
      s.keyStride, gradients.dq + block.queryStart, s.queryStride)
  }

  /// Adds a block's part to dK and dV, for some of the keys that it sees.
  private func addKeyGradients(
    _ block: AttentionBlock, _ gradients: AttentionGradients, keys: Range<Int>, _ slot: AttentionSlot
  ) {
    let s = block.shape
    let width = block.keys.count
    let skipped = keys.lowerBound - block.keys.lowerBound
    let keyStart = block.keyStart + skipped * s.keyStride
    product(
      .first, m: keys.count, n: s.headWidth, k: block.rows.count, slot.probabilities + skipped, width,
      gradients.dOutput + block.outputStart, s.outputStride, beta: 1, gradients.dv + keyStart, s.keyStride)
    product(
      .first, m: keys.count, n: s.headWidth, k: block.rows.count, alpha: s.scale, slot.dScores + skipped,
      width, gradients.q + block.queryStart, s.queryStride, beta: 1, gradients.dk + keyStart, s.keyStride)
  }

  /// exp(S − L) of one row, zero outside `visible`.
  @inline(__always)
  private func normalise(
    _ row: UnsafeMutablePointer<Float>, visible: Range<Int>, logSum: Float, count: Int
  ) {
    forEachVector(in: visible) { $0.store(exponential($0.load(row) - logSum), row) }
    row.update(repeating: 0, count: visible.lowerBound)
    (row + visible.upperBound).update(repeating: 0, count: count - visible.upperBound)
  }
}
