// Backward of attention. P = exp(S − L) is computed again, a block of 64 queries at a time:
//   dV += Pᵀ dO,  dP = dO Vᵀ,  dS = P ∘ (dP − rowsum(dO ∘ O)),  dQ = scale · dS K,  dK += scale · dSᵀ Q.
// With a cap c, dS is that of the scores before it: it has 1 − (S / c)² as another factor.
//
// Blocks that read the same key head add to the same dK and dV, in the order of query heads and blocks, whichever
// worker computes them. The gradient of a bias by distance is summed in that order too, for each sequence on its own,
// and then over the sequences. Letters as in AttentionShape.swift.

extension AttentionShape {
  /// Elements that one block of queries needs: its probabilities, their gradients, and a column.
  private var slotCount: Int { 2 * Self.block * blockKeys + Self.block }

  /// The gradients of a bias for each sequence: [B, H, distances].
  var lineCount: Int { hasBias ? sequences * heads * distances : 0 }

  /// The number of blocks of queries that read one key head.
  var readers: Int { heads / keyHeads * blocks }

  /// Whether several workers share a key head: they do if one worker per key head would leave cores idle. It follows
  /// from the shape alone, as results may depend on it.
  var isShared: Bool { sequences * keyHeads < 16 && readers > 1 }

  /// How many blocks have their slots in memory at once if a key head is shared: 64 MB of slots at most.
  var sharedSlots: Int { min(readers, max(2, min(16, (16 << 20) / slotCount))) }

  /// How many workers backward can keep busy at once.
  package var backwardPieces: Int { isShared ? sharedSlots : sequences * keyHeads }

  /// Scratch of backward, in elements.
  package func backwardScratchCount(threads: Int) -> Int {
    let plain = slotCount * (isShared ? sharedSlots : threads) + lineCount
    return rounding == .operands ? max(plain, halfBackwardCount(threads: threads)) : plain
  }

  fileprivate func slot(_ index: Int, in scratch: UnsafeMutablePointer<Float>) -> AttentionSlot {
    let start = scratch + lineCount + index * slotCount
    let dScores = start + Self.block * blockKeys
    return AttentionSlot(probabilities: start, dScores: dScores, alongs: dScores + Self.block * blockKeys)
  }
}

/// The memory of one block of queries: P and dS, row after row, and rowsum(dO ∘ O).
private struct AttentionSlot {
  let probabilities: UnsafeMutablePointer<Float>
  let dScores: UnsafeMutablePointer<Float>
  let alongs: UnsafeMutablePointer<Float>
}

/// What backward reads, and the gradients that it writes with the strides of the operands; nil for what needs none.
package struct AttentionGradients {
  let q: UnsafePointer<Float>
  let k: UnsafePointer<Float>
  let v: UnsafePointer<Float>
  let output: UnsafePointer<Float>
  let dOutput: UnsafePointer<Float>
  let logSums: UnsafePointer<Float>
  let bias: UnsafePointer<Float>?
  let dq: UnsafeMutablePointer<Float>?
  let dk: UnsafeMutablePointer<Float>?
  let dv: UnsafeMutablePointer<Float>?
  let dBias: UnsafeMutablePointer<Float>?
  /// Whether the gradient of the bias is added to what is there.
  let addsToBias: Bool

  package init(
    q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
    bias: UnsafePointer<Float>? = nil, output: UnsafePointer<Float>, dOutput: UnsafePointer<Float>,
    logSums: UnsafePointer<Float>, dq: UnsafeMutablePointer<Float>?, dk: UnsafeMutablePointer<Float>?,
    dv: UnsafeMutablePointer<Float>?, dBias: UnsafeMutablePointer<Float>? = nil, addsToBias: Bool = false
  ) {
    self.q = q
    self.k = k
    self.v = v
    self.bias = bias
    self.output = output
    self.dOutput = dOutput
    self.logSums = logSums
    self.dq = dq
    self.dk = dk
    self.dv = dv
    self.dBias = dBias
    self.addsToBias = addsToBias
  }
}

extension Engine {
  /// Writes the gradients of queries, keys and values anew, and that of a bias.
  /// - Parameters:
  ///   - intervals, dropout, sampleIDs: as in forward.
  ///   - scratch: `backwardScratchCount` elements.
  package func attentionBackward(
    _ shape: AttentionShape, _ gradients: AttentionGradients, intervals: KeyIntervals,
    dropout: Dropout?, sampleIDs: UnsafePointer<Int32>, scratch: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    if s.hasBias { clear(scratch, count: s.lineCount) }
    defer { sumLines(s, gradients, scratch) }
    if roundsAttention(s) {
      return halfAttentionBackward(
        s, gradients, intervals: intervals, dropout: dropout, sampleIDs: sampleIDs, scratch: scratch)
    }
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
          addKeyGradients(block, gradients, keys: block.keys, slot)
          if gradients.dBias != nil { addDistances(block, 0..<s.distances, slot, lines: scratch) }
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
            addKeyGradients(block, gradients, keys: part, s.slot(index, in: scratch))
          }
        }
        guard gradients.dBias != nil else { continue }
        pool.run((s.distances + keyTile - 1) / keyTile) { tile, _ in
          let distances = tile * keyTile..<min((tile + 1) * keyTile, s.distances)
          for index in 0..<count {
            let block = block(first + index, of: sequence, keyHead: keyHead)
            addDistances(block, distances, s.slot(index, in: scratch), lines: scratch)
          }
        }
      }
    }
  }

  func clearKeyGradients(
    _ s: AttentionShape, _ gradients: AttentionGradients, sequence: Int, keyHead: Int, keys: Range<Int>
  ) {
    let headStart = sequence * s.keySequenceStride + keyHead * s.keyHeadStride
    for key in keys {
      if let dk = gradients.dk {
        (dk + headStart + key * s.keyStride).update(repeating: 0, count: s.headWidth)
      }
      if let dv = gradients.dv {
        (dv + headStart + key * s.keyStride).update(repeating: 0, count: s.headWidth)
      }
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
      guard let dq = gradients.dq else { return }
      for row in 0..<rows {
        (dq + block.queryStart + row * s.queryStride).update(repeating: 0, count: s.headWidth)
      }
      return
    }
    let keyStart = block.keyStart
    let (probabilities, dScores) = (slot.probabilities, slot.dScores)
    block.scores(self, q: gradients.q, k: gradients.k + keyStart, bias: gradients.bias, into: probabilities)
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
      if let dropout {
        dropout.apply(dN, into: dN, count: width, plane: block.head, position: row, sample: sample)
      }
      scoreGradients(
        pN, dN, visible: block.visible(row), logSum: logs[row], along: slot.alongs[local], count: width,
        softCap: s.softCap)
      // dV takes the probabilities that V was multiplied by, with zeros where they were dropped.
      if let dropout {
        dropout.apply(pN, into: pN, count: width, plane: block.head, position: row, sample: sample)
      }
    }
    guard let dq = gradients.dq else { return }
    product(
      .none, m: rows, n: s.headWidth, k: width, alpha: s.scale, dScores, width, gradients.k + keyStart,
      s.keyStride, dq + block.queryStart, s.queryStride)
  }

  /// Adds a block's part to dK and dV, for some of the keys that it sees.
  private func addKeyGradients(
    _ block: AttentionBlock, _ gradients: AttentionGradients, keys: Range<Int>, _ slot: AttentionSlot
  ) {
    guard !keys.isEmpty else { return }
    let s = block.shape
    let width = block.keys.count
    let skipped = keys.lowerBound - block.keys.lowerBound
    let keyStart = block.keyStart + skipped * s.keyStride
    if let dv = gradients.dv {
      product(
        .first, m: keys.count, n: s.headWidth, k: block.rows.count, slot.probabilities + skipped, width,
        gradients.dOutput + block.outputStart, s.outputStride, beta: 1, dv + keyStart, s.keyStride)
    }
    if let dk = gradients.dk {
      product(
        .first, m: keys.count, n: s.headWidth, k: block.rows.count, alpha: s.scale, slot.dScores + skipped,
        width, gradients.q + block.queryStart, s.queryStride, beta: 1, dk + keyStart, s.keyStride)
    }
  }

  /// Turns scores and dP of one row into P and dS, zero outside `visible`.
  @inline(__always)
  private func scoreGradients(
    _ pN: UnsafeMutablePointer<Float>, _ dN: UnsafeMutablePointer<Float>, visible: Range<Int>, logSum: Float,
    along: Float, count: Int, softCap: Float?
  ) {
    if let softCap {
      forEachVector(in: visible) {
        let s = $0.load(pN)
        let p = exponential(s - logSum)
        let capped = s * (1 / softCap)
        $0.store(p, pN)
        $0.store(p * ($0.load(dN) - along) * (1 - capped * capped), dN)
      }
    } else {
      forEachVector(in: visible) {
        let p = exponential($0.load(pN) - logSum)
        $0.store(p, pN)
        $0.store(p * ($0.load(dN) - along), dN)
      }
    }
    clearHidden(pN, visible: visible, count: count)
    clearHidden(dN, visible: visible, count: count)
  }

  /// Adds dS of a block to the line of its sequence and head, for some of the distances.
  private func addDistances(
    _ block: AttentionBlock, _ distances: Range<Int>, _ slot: AttentionSlot,
    lines: UnsafeMutablePointer<Float>
  ) {
    let s = block.shape
    let line = lines + (block.sequence * s.heads + block.head) * s.distances
    for row in block.rows {
      let visible = block.visible(row)
      if visible.isEmpty { continue }
      let first = block.distance(row)
      let part = (visible.lowerBound + first..<visible.upperBound + first).clamped(to: distances)
      let target = line + part.lowerBound
      let source =
        slot.dScores + (row - block.rows.lowerBound) * block.keys.count + part.lowerBound - first
      forEachVector(part.count) { $0.store($0.load(source), target, adding: true) }
    }
  }

  /// The gradient of the bias: the sum of the lines of all sequences, in their order.
  private func sumLines(
    _ s: AttentionShape, _ gradients: AttentionGradients, _ lines: UnsafeMutablePointer<Float>
  ) {
    guard let dBias = gradients.dBias else { return }
    pool.run(s.heads) { head, _ in
      for sequence in 0..<s.sequences {
        let line = lines + (sequence * s.heads + head) * s.distances
        let target = dBias + head * s.distances
        let isFirst = sequence == 0 && !gradients.addsToBias
        forEachVector(s.distances) { $0.store($0.load(line), target, adding: !isFirst) }
      }
    }
  }
}
