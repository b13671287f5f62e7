// What a block of queries gives to the gradients of keys and values: dV += Pᵀ dO and dK += scale · dSᵀ Q, of operands
// that HalfAttentionBackward.swift has rounded.

extension HalfBackward {
  /// Adds what a block gives to dV and dK of the keys of a tile.
  func addKeyGradients(_ block: AttentionBlock, _ tile: Int, _ slot: HalfBackwardRoom.Slot) {
    let keys = tile * tileKeys..<(tile + 1) * tileKeys
    let readers = Readers(slot, within: keys)
    let seen = block.keys.clamped(to: keys)
    var first = seen.lowerBound
    while first < seen.upperBound {
      // Keys that the same queries see; others have zeros there.
      let own = readers[first]
      var end = first
      repeat { end = end / 16 * 16 + 16 } while end < seen.upperBound && readers[end] == own
      addKeyGradients(block, first..<min(end, seen.upperBound), own, tile, slot)
      first = end
    }
  }

  private func addKeyGradients(
    _ block: AttentionBlock, _ keys: Range<Int>, _ readers: Range<Int>, _ tile: Int,
    _ slot: HalfBackwardRoom.Slot
  ) {
    let s = shape
    let pairs = AttentionShape.halfRows / 2
    let place = s.keyPlace(sequence: block.sequence, keyHead: block.keyHead) + keys.lowerBound * s.keyStride
    let skipped = readers.lowerBound * pairs * tileKeys + keys.lowerBound % tileKeys
    func add(
      _ matrix: UnsafePointer<HalfPair>, _ panels: HalfPanels, factor: Float,
      to target: UnsafeMutablePointer<Float>?
    ) {
      guard let target else { return }
      engine.halfProduct(
        m: keys.count, n: s.headWidth, pairs: readers.count * pairs, matrix + skipped, aRow: 1,
        aPair: tileKeys,
        panels.from(column: 0, pair: readers.lowerBound * pairs), panelPairs: panels.pairs, factor: factor,
        adding: true, target + place, s.keyStride)
    }
    add(slot.probabilities(tile), slot.dOutput, factor: 1, to: gradients.dv)
    add(slot.slopes(tile), slot.q, factor: s.scale, to: gradients.dk)
  }
}

/// Which of four parts of 16 queries see a key.
private struct Readers {
  private var firsts = SIMD4<Int>(repeating: 0)
  private var ends = SIMD4<Int>(repeating: 0)

  init(_ slot: HalfBackwardRoom.Slot, within keys: Range<Int>) {
    for part in 0..<4 {
      let columns = slot.columns(part, within: keys)
      (firsts[part], ends[part]) = (columns.lowerBound, columns.upperBound)
    }
  }

  /// From the first to the last of them.
  subscript(key: Int) -> Range<Int> {
    let see = (firsts .<= key) .& (ends .> key)
    var (first, end) = (4, 0)
    for part in 0..<4 where see[part] { (first, end) = (min(first, part), part + 1) }
    return first < end ? first..<end : 0..<0
  }
}
