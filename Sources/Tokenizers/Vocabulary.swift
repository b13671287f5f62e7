// Pieces and their ids, both ways, keyed by UTF-8 bytes: `String` would call "é" and "e" + accent one key.
import Base

struct Vocabulary: Sendable {
  /// Ids stay below this, so that a file with one huge id cannot ask for gigabytes.
  static let largestCount = 1 << 22

  /// The pieces, one after another, in the order of their ids.
  private let bytes: [UInt8]
  /// Where each id's piece starts; one more than there are ids.
  private let starts: [UInt32]
  /// Which ids have a piece, since files may leave gaps.
  private let present: [Bool]
  /// Open addressing over the ids, -1 where free; the count is a power of two.
  private let slots: [Int32]
  /// How many pieces there are.
  let pieceCount: Int

  /// The largest id plus one.
  var idCount: Int { present.count }

  init(_ part: FilePart) throws {
    guard let members = part.json.members else { throw part.wrong("an object of pieces and ids") }
    var largest = -1
    var total = 0
    for member in members {
      guard let id = member.value.integer, id >= 0, id < Self.largestCount else {
        let piece = String(decoding: member.key, as: UTF8.self)
        throw part.error("the id of \"\(piece)\" is not a whole number from 0 to \(Self.largestCount - 1)")
      }
      largest = max(largest, id)
      total += member.key.count
    }
    guard total < Int(UInt32.max) else { throw part.error("the pieces have more than 4 GiB") }

    var owner = [Int32](repeating: -1, count: largest + 1)
    for (index, member) in members.enumerated() {
      guard let id = member.value.integer else { continue }
      guard owner[id] < 0 else {
        let both = [members[Int(owner[id])].key, member.key].map { String(decoding: $0, as: UTF8.self) }
        throw part.error("\"\(both[0])\" and \"\(both[1])\" both have the id \(id)")
      }
      owner[id] = Int32(index)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(total)
    var starts: [UInt32] = [0]
    starts.reserveCapacity(owner.count + 1)
    for index in owner {
      if index >= 0 { bytes.append(contentsOf: members[Int(index)].key) }
      starts.append(UInt32(bytes.count))
    }
    self.init(bytes: bytes, starts: starts, present: owner.map { $0 >= 0 }, pieceCount: members.count)
  }

  /// Pieces whose ids are their places; nil where there is a gap. If a piece stands twice, its last id counts.
  init(pieces: [[UInt8]?], _ part: FilePart) throws(UserError) {
    guard pieces.count < Self.largestCount else {
      throw part.error("there are more than \(Self.largestCount - 1) pieces")
    }
    let total = pieces.reduce(0) { $0 + ($1?.count ?? 0) }
    guard total < Int(UInt32.max) else { throw part.error("the pieces have more than 4 GiB") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(total)
    var starts: [UInt32] = [0]
    for piece in pieces {
      bytes.append(contentsOf: piece ?? [])
      starts.append(UInt32(bytes.count))
    }
    let present = pieces.map { $0 != nil }
    self.init(
      bytes: bytes, starts: starts, present: present, pieceCount: present.reduce(0) { $0 + ($1 ? 1 : 0) })
  }

  private init(bytes: [UInt8], starts: [UInt32], present: [Bool], pieceCount: Int) {
    self.bytes = bytes
    self.starts = starts
    self.present = present
    self.pieceCount = pieceCount
    slots = Self.table(bytes: bytes, starts: starts, present: present, pieceCount: pieceCount)
  }

  private static func table(
    bytes: [UInt8], starts: [UInt32], present: [Bool], pieceCount: Int
  ) -> [Int32] {
    var capacity = 16
    while capacity < pieceCount * 2 { capacity *= 2 }
    var slots = [Int32](repeating: -1, count: capacity)
    bytes.withUnsafeBufferPointer { bytes in
      // From the last on, so that a search meets the last of equal pieces first.
      for id in present.indices.reversed() where present[id] {
        var slot =
          hash(UnsafeBufferPointer(rebasing: bytes[Int(starts[id])..<Int(starts[id + 1])])) & (capacity - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (capacity - 1) }
        slots[slot] = Int32(id)
      }
    }
    return slots
  }

  private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> Int {
    let hash = FNV1a(key).value
    // FNV mixes its low bits badly.
    return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0x7FFF_FFFF)
  }

  func id(of key: UnsafeBufferPointer<UInt8>) -> Int32? {
    var slot = Self.hash(key) & (slots.count - 1)
    while true {
      let id = slots[slot]
      if id < 0 { return nil }
      let start = Int(starts[Int(id)])
      if Int(starts[Int(id) + 1]) - start == key.count, bytes[start..<(start + key.count)].elementsEqual(key)
      {
        return id
      }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  func id(of key: some Sequence<UInt8>) -> Int32? {
    Array(key).withUnsafeBufferPointer { id(of: $0) }
  }

  /// The ids of `<0x00>` to `<0xFF>`, which stand for bytes; -1 where missing.
  var bytePieces: [Int32] {
    let digits = Array("0123456789ABCDEF".utf8)
    return (0..<256).map { byte in
      let piece = Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15]] + Array(">".utf8)
      return id(of: piece) ?? -1
    }
  }

  /// The piece of an id; nil if the id is out of range or a gap.
  func piece(_ id: Int32) -> ArraySlice<UInt8>? {
    guard id >= 0, Int(id) < present.count, present[Int(id)] else { return nil }
    return bytes[Int(starts[Int(id)])..<Int(starts[Int(id) + 1])]
  }
}
