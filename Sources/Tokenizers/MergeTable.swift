// Which two neighbouring pieces merge, how early, and into what.

struct MergeTable: Sendable {
  /// Ranks stay below this, so that a rank and a position share one word in the queue.
  static let largestCount = 1 << 24

  struct Slot {
    /// The left id in the upper half, the right one in the lower; all ones if free.
    var key: UInt64
    var rank: Int32
    var id: Int32
  }

  static let none = Slot(key: .max, rank: .max, id: -1)

  private let slots: [Slot]
  private let shift: UInt64

  /// - Parameters:
  ///   - merges: pairs and their results; the last of equal pairs counts.
  ///   - ranks: of the merges; nil if they stand in the order of their ranks.
  init(_ merges: [(left: Int32, right: Int32, id: Int32)], ranks: [Int32]? = nil) {
    var bits: UInt64 = 4
    while 1 << bits < merges.count * 2 { bits += 1 }
    shift = 64 - bits
    var slots = [Slot](repeating: Self.none, count: 1 << Int(bits))
    for (index, merge) in merges.enumerated() {
      let key = Self.key(merge.left, merge.right)
      var slot = Self.home(key, shift)
      while slots[slot].key != .max, slots[slot].key != key { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Slot(key: key, rank: ranks?[index] ?? Int32(index), id: merge.id)
    }
    self.slots = slots
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private static func home(_ key: UInt64, _ shift: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> shift)
  }

  /// Calls `body` with a reader that costs no checks; the reader must not leave the closure.
  func withReader<R>(_ body: (Reader) throws -> R) rethrows -> R {
    try slots.withUnsafeBufferPointer { try body(Reader(slots: $0, shift: shift)) }
  }

  struct Reader {
    fileprivate let slots: UnsafeBufferPointer<Slot>
    fileprivate let shift: UInt64

    /// The piece that the pair merges into; `MergeTable.none` if it does not merge.
    @inline(__always)
    func callAsFunction(_ left: Int32, _ right: Int32) -> Slot {
      let key = MergeTable.key(left, right)
      var slot = MergeTable.home(key, shift)
      // The table is never full and never empty.
      let base = slots.baseAddress.unsafelyUnwrapped
      while true {
        let found = base[slot]
        if found.key == key || found.key == .max { return found }
        slot = (slot &+ 1) & (slots.count &- 1)
      }
    }
  }
}
