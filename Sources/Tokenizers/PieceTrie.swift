// The pieces of a vocabulary as a tree of bytes: all pieces that a text begins with, in one walk over the text.

struct PieceTrie: Sendable {
  /// One step from a node over a byte.
  fileprivate struct Slot {
    /// The node and the byte; all ones if free.
    var key: UInt64
    var child: UInt32
    /// The piece that ends at the child; -1 if there is none.
    var id: Int32
  }

  private let slots: [Slot]
  private let shift: UInt64

  /// If a piece stands twice, its last id counts. A piece without bytes is never found.
  init(_ vocabulary: Vocabulary) {
    var slots = [Slot](repeating: Slot(key: .max, child: 0, id: -1), count: 1 << 10)
    var shift: UInt64 = 64 - 10
    var nodes: UInt32 = 1
    for id in 0..<Int32(vocabulary.idCount) {
      guard let piece = vocabulary.piece(id) else { continue }
      var node: UInt32 = 0
      var last: Int?
      for byte in piece {
        if Int(nodes) * 4 > slots.count * 3 { (slots, shift) = Self.doubled(slots, shift) }
        let key = UInt64(node) << 8 | UInt64(byte)
        let slot = Self.find(key, slots, shift)
        if slots[slot].key == .max {
          slots[slot] = Slot(key: key, child: nodes, id: -1)
          nodes += 1
        }
        node = slots[slot].child
        last = slot
      }
      if let last { slots[last].id = id }
    }
    self.slots = slots
    self.shift = shift
  }

  private static func doubled(_ old: [Slot], _ shift: UInt64) -> ([Slot], UInt64) {
    var slots = [Slot](repeating: Slot(key: .max, child: 0, id: -1), count: old.count * 2)
    for slot in old where slot.key != .max { slots[find(slot.key, slots, shift - 1)] = slot }
    return (slots, shift - 1)
  }

  private static func find(_ key: UInt64, _ slots: [Slot], _ shift: UInt64) -> Int {
    var slot = home(key, shift)
    while slots[slot].key != .max, slots[slot].key != key { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  @inline(__always)
  private static func home(_ key: UInt64, _ shift: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> shift)
  }

  /// Calls `body` with a reader that costs no checks; the reader must not leave the closure.
  @inline(__always)
  func withReader<R>(_ body: (Reader) throws -> R) rethrows -> R {
    try slots.withUnsafeBufferPointer { try body(Reader(slots: $0, shift: shift)) }
  }

  struct Reader {
    fileprivate let slots: UnsafeBufferPointer<Slot>
    fileprivate let shift: UInt64

    /// Calls `body` with each piece that the text at `start` begins with, from the shortest on, and where it ends.
    @inline(__always)
    func prefixes(
      _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ body: (_ id: Int32, _ end: Int) -> Void
    ) {
      // The table is never full and never empty.
      let base = slots.baseAddress.unsafelyUnwrapped
      var node: UInt32 = 0
      var at = start
      while at < end {
        let key = UInt64(node) << 8 | UInt64(text[at])
        var slot = PieceTrie.home(key, shift)
        while base[slot].key != key {
          if base[slot].key == .max { return }
          slot = (slot &+ 1) & (slots.count &- 1)
        }
        at += 1
        node = base[slot].child
        if base[slot].id >= 0 { body(base[slot].id, at) }
      }
    }
  }
}
