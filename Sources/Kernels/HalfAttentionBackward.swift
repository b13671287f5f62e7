// Backward of the attention of HalfAttention.swift: P is computed again, and P and dS are rounded for the products that
// read them.
//
// A block of 64 queries meets the keys in tiles of 128. A tile leaves P and dS of the block, in pairs of queries, in a
// slot, from which it adds to dV and dK; it adds to dQ at once. The order of every sum is the same whether one worker
// does all of a key head, or several share it as in AttentionBackward.swift: over blocks for a key, over tiles for a
// query.
import CProcessor
import Tensors

/// A backward pass.
struct HalfBackward {
  let engine: Engine
  let shape: AttentionShape
  let gradients: AttentionGradients
  let intervals: KeyIntervals
  let dropout: Dropout?
  let sampleIDs: UnsafePointer<Int32>
  let scratch: UnsafeMutablePointer<Float>
  let room: HalfBackwardRoom
}

extension Engine {
  /// See `attentionBackward`, which clears the lines of a bias before and sums them behind this.
  func halfAttentionBackward(
    _ shape: AttentionShape, _ gradients: AttentionGradients, intervals: KeyIntervals,
    dropout: Dropout?, sampleIDs: UnsafePointer<Int32>, scratch: UnsafeMutablePointer<Float>
  ) {
    let s = shape
    let room = HalfBackwardRoom(s, threads: pool.threads)
    let pass = HalfBackward(
      engine: self, shape: s, gradients: gradients, intervals: intervals, dropout: dropout,
      sampleIDs: sampleIDs, scratch: scratch, room: room)
    pool.run(s.sequences * s.keyHeads) { head, _ in pass.pack(head) }
    guard room.isShared else {
      pool.run(s.sequences * s.keyHeads) { head, worker in
        clearKeyGradients(
          s, gradients, sequence: head / s.keyHeads, keyHead: head % s.keyHeads, keys: 0..<s.keys)
        for reader in 0..<s.readers {
          pass.compute(reader, of: head, slot: worker, worker: worker) { block, tile, slot in
            pass.addKeyGradients(block, tile, slot)
          }
        }
      }
      return
    }
    for head in 0..<s.sequences * s.keyHeads {
      pool.run(s.keyTiles) { tile, _ in
        clearKeyGradients(
          s, gradients, sequence: head / s.keyHeads, keyHead: head % s.keyHeads,
          keys: tile * tileKeys..<min((tile + 1) * tileKeys, s.keys))
      }
      for first in stride(from: 0, to: s.readers, by: room.slots) {
        let count = min(room.slots, s.readers - first)
        pool.run(count) { index, worker in
          pass.compute(first + index, of: head, slot: index, worker: worker) { _, _, _ in }
        }
        pool.run(s.keyTiles) { tile, _ in
          for index in 0..<count {
            let block = pass.block(first + index, of: head)
            guard pass.tiles(block).contains(tile) else { continue }
            pass.addKeyGradients(block, tile, room.slot(index, in: scratch))
          }
        }
      }
    }
  }
}

extension HalfBackward {
  func block(_ reader: Int, of head: Int) -> AttentionBlock {
    AttentionBlock(
      shape, sequence: head / shape.keyHeads,
      head: head % shape.keyHeads * (shape.heads / shape.keyHeads) + reader / shape.blocks,
      index: reader % shape.blocks, intervals)
  }

  /// The tiles of the keys that a block sees.
  func tiles(_ block: AttentionBlock) -> Range<Int> {
    block.keys.lowerBound / tileKeys..<(block.keys.upperBound + tileKeys - 1) / tileKeys
  }

  func pack(_ head: Int) {
    let s = shape
    let (place, heads) = (s.keyPlace(head), room.heads(head, in: scratch))
    heads.turnedKeys.packTurned(
      gradients.k + place, stride: s.keyStride, rows: s.keys, columns: s.headWidth)
    heads.turnedValues.packTurned(
      gradients.v + place, stride: s.keyStride, rows: s.keys, columns: s.headWidth)
    heads.keys.pack(gradients.k + place, stride: s.keyStride, rows: s.keys, columns: s.headWidth)
  }

  /// Writes dQ of a block.
  /// - Parameter each: called for each tile when the slot has its P and dS.
  func compute(
    _ reader: Int, of head: Int, slot: Int, worker: Int,
    each: (AttentionBlock, _ tile: Int, HalfBackwardRoom.Slot) -> Void
  ) {
    let block = block(reader, of: head)
    let (slot, own) = (room.slot(slot, in: scratch), room.worker(worker, in: scratch))
    guard !block.keys.isEmpty else { return clearQueries(block, 0..<block.rows.count) }
    prepare(block, slot, own)
    for tile in tiles(block) {
      computeTile(block, tile, room.heads(head, in: scratch), slot, own)
      each(block, tile, slot)
    }
  }

  /// Rounds Q and dO of a block, and notes what is known of its queries.
  private func prepare(_ block: AttentionBlock, _ slot: HalfBackwardRoom.Slot, _ own: HalfBackwardRoom.Worker)
  {
    let (s, rows) = (shape, block.rows.count)
    func round(
      _ x: UnsafePointer<Float>, _ stride: Int, _ words: UnsafeMutablePointer<HalfPair>, _ panels: HalfPanels
    ) {
      roundRows(
        x, stride: stride, rows: rows, columns: s.headWidth, into: words, pairs: s.widthPairs,
        paddedRows: AttentionShape.block)
      panels.pack(x, stride: stride, rows: rows, columns: s.headWidth)
    }
    round(gradients.q + block.queryStart, s.queryStride, own.q, slot.q)
    round(gradients.dOutput + block.outputStart, s.outputStride, own.dOutput, slot.dOutput)
    let logs = gradients.logSums + (block.sequence * s.heads + block.head) * s.queries
    for row in 0..<AttentionShape.block {
      guard row < rows else {
        slot.queries[row] = swiftdp_half_query(first: 0, end: 0, log_sum: 0, along: 0)
        continue
      }
      let outputD = gradients.output + block.outputStart + row * s.outputStride
      // dO as dP has it: what rounding takes from both is nearly gone in dP − rowsum(dO ∘ O).
      let dOutputD = UnsafeRawPointer(own.dOutput + row * s.widthPairs).assumingMemoryBound(to: BFloat16.self)
      var along = Vector()
      forEachVector(s.headWidth) { along = along.adding($0.load(outputD), times: $0.load(dOutputD)) }
      let visible = block.visible(block.rows.lowerBound + row)
      slot.queries[row] = swiftdp_half_query(
        first: Int32(block.keys.lowerBound + visible.lowerBound),
        end: Int32(block.keys.lowerBound + visible.upperBound),
        log_sum: logs[block.rows.lowerBound + row], along: along.total)
    }
    slot.noteHulls()
    for part in 0..<AttentionShape.halfParts where slot.hull(part).isEmpty {
      let first = part * AttentionShape.halfRows
      clearQueries(block, (first..<first + AttentionShape.halfRows).clamped(to: 0..<rows))
    }
  }

  /// Writes zeros to dQ of queries that see no key.
  private func clearQueries(_ block: AttentionBlock, _ rows: Range<Int>) {
    guard let dq = gradients.dq else { return }
    for row in rows {
      (dq + block.queryStart + row * shape.queryStride).update(repeating: 0, count: shape.headWidth)
    }
  }

  /// Leaves P and dS of a tile in the slot, and adds to dQ.
  private func computeTile(
    _ block: AttentionBlock, _ tile: Int, _ heads: HalfBackwardRoom.Heads, _ slot: HalfBackwardRoom.Slot,
    _ own: HalfBackwardRoom.Worker
  ) {
    let s = shape
    let (size, stride) = (AttentionShape.halfRows, HalfBackwardRoom.stride)
    let (probabilities, slopes) = (slot.probabilities(tile), slot.slopes(tile))
    let keys = tile * tileKeys..<(tile + 1) * tileKeys
    let all = AttentionBlock.columns(block.keys.clamped(to: keys))
    for first in Swift.stride(from: 0, to: block.rows.count, by: size) {
      let rows = min(size, block.rows.count - first)
      let columns = slot.columns(first / size, within: all)
      func product(
        _ a: UnsafePointer<HalfPair>, _ panels: HalfPanels, factor: Float, _ c: UnsafeMutablePointer<Float>
      ) {
        engine.halfProduct(
          m: rows, n: columns.count, pairs: s.widthPairs, a + first * s.widthPairs, aRow: s.widthPairs,
          aPair: 1,
          panels.from(column: columns.lowerBound), panelPairs: s.widthPairs, factor: factor, c, stride)
      }
      product(own.q, heads.turnedKeys, factor: s.scale, own.scores)
      product(own.dOutput, heads.turnedValues, factor: 1, own.slopes)
      finishRows(block, first..<first + rows, columns, slot, own)
      #if arch(x86_64)
        for row in Swift.stride(from: 0, to: size, by: 2) {
          let pairs = (first + row) / 2 * tileKeys + columns.lowerBound % tileKeys
          swiftdp_half_slopes(
            slot.queries + first + row, columns.lowerBound, columns.count, own.scores + row * stride,
            own.slopes + row * stride, dropout == nil ? nil : own.factors + row * stride + 32, stride,
            s.softCap ?? 0, gradients.dBias == nil ? 0 : 1, probabilities + pairs, slopes + pairs,
            columns.lowerBound - all.lowerBound, all.upperBound - columns.upperBound,
            UnsafeMutableRawPointer(own.rounded + row * stride / 2).halves, stride)
        }
      #endif
      if columns.isEmpty { continue }
      if gradients.dBias != nil { addDistances(block, first..<first + rows, columns, slot, own) }
      guard let dq = gradients.dq else { continue }
      engine.halfProduct(
        m: rows, n: s.headWidth, pairs: columns.count / 2, own.rounded, aRow: stride / 2, aPair: 1,
        heads.keys.from(column: 0, pair: columns.lowerBound / 2), panelPairs: s.keyPairs, factor: s.scale,
        adding: slot.hull(first / size).lowerBound < keys.lowerBound,
        dq + block.queryStart + first * s.queryStride, s.queryStride)
    }
  }
}

extension HalfBackward {
  /// Caps scores or adds a bias, and draws the factors of dropout.
  /// - Parameter rows: counted within the block.
  private func finishRows(
    _ block: AttentionBlock, _ rows: Range<Int>, _ columns: Range<Int>, _ slot: HalfBackwardRoom.Slot,
    _ own: HalfBackwardRoom.Worker
  ) {
    guard shape.softCap != nil || gradients.bias != nil || dropout != nil else { return }
    // From the first column to the block's first key; negative if that comes before.
    let skipped = block.keys.lowerBound - columns.lowerBound
    for local in rows {
      let visible = seen(slot.queries[local], columns, of: block)
      if visible.isEmpty { continue }
      let (row, place) = (block.rows.lowerBound + local, (local - rows.lowerBound) * HalfBackwardRoom.stride)
      block.finish(own.scores + place + skipped, row, visible, bias: gradients.bias)
      dropout?.writeFactors(
        visible, plane: block.head, position: row, sample: sampleIDs[block.sequence],
        into: own.factors + place + 32 + skipped)
    }
  }

  /// Those of some columns that a query sees, counted from the block's first key.
  private func seen(
    _ query: swiftdp_half_query, _ columns: Range<Int>, of block: AttentionBlock
  ) -> Range<Int> {
    let first = max(Int(query.first), columns.lowerBound)
    let end = min(Int(query.end), columns.upperBound)
    return first < end ? first - block.keys.lowerBound..<end - block.keys.lowerBound : 0..<0
  }

  /// Adds dS to the line of the block's head.
  private func addDistances(
    _ block: AttentionBlock, _ rows: Range<Int>, _ columns: Range<Int>, _ slot: HalfBackwardRoom.Slot,
    _ own: HalfBackwardRoom.Worker
  ) {
    let line = scratch + (block.sequence * shape.heads + block.head) * shape.distances
    for local in rows {
      let visible = seen(slot.queries[local], columns, of: block)
      if visible.isEmpty { continue }
      let target = line + block.distance(block.rows.lowerBound + local) + visible.lowerBound
      let source =
        own.slopes + (local - rows.lowerBound) * HalfBackwardRoom.stride + visible.lowerBound
        + block.keys.lowerBound - columns.lowerBound
      forEachVector(visible.count) { $0.store($0.load(source), target, adding: true) }
    }
  }
}
