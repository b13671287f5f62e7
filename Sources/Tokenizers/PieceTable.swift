// Finds the longest piece that a text begins with: one walk over the text, with the hash of what it has passed.
import Base

/// The pieces of a vocabulary that have a prefix, keyed by what follows it.
struct PieceTable: Sendable {
  /// What follows the prefix, one piece after another.
  private let bytes: [UInt8]
  private let entries: [Entry]
  /// Open addressing over the entries, -1 where free; the count is a power of two.
  private let slots: [Int32]
  /// Bytes of the longest key.
  private let longestKey: Int

  private struct Entry {
    var start: UInt32
    var count: UInt32
    var id: Int32
  }

  init(_ vocabulary: Vocabulary, prefix: [UInt8]) {
    var bytes: [UInt8] = []
    var entries: [Entry] = []
    for id in 0..<Int32(vocabulary.idCount) {
      guard let piece = vocabulary.piece(id), piece.count > prefix.count, piece.starts(with: prefix) else {
        continue
      }
      let key = piece.dropFirst(prefix.count)
      entries.append(Entry(start: UInt32(bytes.count), count: UInt32(key.count), id: id))
      bytes.append(contentsOf: key)
    }
    var capacity = 16
    while capacity < entries.count * 2 { capacity *= 2 }
    var slots = [Int32](repeating: -1, count: capacity)
    for (index, entry) in entries.enumerated() {
      var hash = FNV1a()
      for byte in bytes[Int(entry.start)..<Int(entry.start + entry.count)] { hash.mix(UInt64(byte)) }
      var slot = Self.slot(hash, capacity)
      while slots[slot] >= 0 { slot = (slot + 1) & (capacity - 1) }
      slots[slot] = Int32(index)
    }
    self.bytes = bytes
    self.entries = entries
    self.slots = slots
    longestKey = entries.reduce(0) { max($0, Int($1.count)) }
  }

  /// The longest piece at `start` of a text in valid UTF-8 that ends at `limit`, and where it ends.
  func longest(_ text: UnsafePointer<UInt8>, _ start: Int, _ limit: Int) -> (id: Int32, end: Int)? {
    let limit = min(limit, start + longestKey)
    var hash = FNV1a()
    var found: (id: Int32, end: Int)?
    var at = start
    while at < limit {
      hash.mix(UInt64(text[at]))
      at += 1
      // A key is whole characters, since the file is UTF-8.
      if let id = id(text + start, at - start, hash) { found = (id, at) }
    }
    return found
  }

  @inline(__always)
  private func id(_ text: UnsafePointer<UInt8>, _ count: Int, _ hash: FNV1a) -> Int32? {
    var slot = Self.slot(hash, slots.count)
    while slots[slot] >= 0 {
      let entry = entries[Int(slots[slot])]
      if Int(entry.count) == count, equal(text, Int(entry.start), count) { return entry.id }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  @inline(__always)
  private func equal(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Bool {
    for index in 0..<count where bytes[start + index] != text[index] { return false }
    return true
  }

  @inline(__always)
  private static func slot(_ hash: FNV1a, _ capacity: Int) -> Int {
    // FNV mixes its low bits badly.
    Int(truncatingIfNeeded: (hash.value ^ hash.value >> 32) & 0x7FFF_FFFF) & (capacity - 1)
  }
}
