// Words seen before, and their ids. Each word has one possible place, and a new word replaces the old one there, so
// the memory is fixed.
import Base
import Foundation

/// For one thread at a time.
struct WordCache: ~Copyable {
  static let longestWord = 31
  static let mostIDs = 7

  /// One cache line.
  private struct Entry {
    /// The word's bytes, zeros, and its length in the last byte; all zeros where free.
    var word: SIMD4<UInt64>
    var count: Int32
    var ids: (Int32, Int32, Int32, Int32, Int32, Int32, Int32)
  }

  private static let bits: UInt64 = 16
  private let entries: UnsafeMutablePointer<Entry>

  static var footprint: Int { MemoryLayout<Entry>.stride << Int(bits) }

  /// Ends the program if the system gives no memory.
  init() {
    var room: UnsafeMutableRawPointer?
    let code = posix_memalign(&room, 64, Self.footprint)
    guard code == 0, let room else {
      errno = code
      FatalEnd.end(.noMemory(Self.footprint, for: "words that were encoded"))
    }
    entries = room.bindMemory(to: Entry.self, capacity: 1 << Int(Self.bits))
    entries.initialize(
      repeating: Entry(word: .zero, count: 0, ids: (0, 0, 0, 0, 0, 0, 0)), count: 1 << Int(Self.bits))
  }

  deinit { free(entries) }

  /// A word packed for the cache. At least `Words.padding` bytes must be readable from its start on.
  struct Key {
    fileprivate let word: SIMD4<UInt64>
    fileprivate let slot: Int

    @inline(__always)
    init(_ text: UnsafePointer<UInt8>, count: Int) {
      var word = SIMD4<UInt64>.zero
      let raw = UnsafeRawPointer(text)
      word[0] = Self.load(raw, 0, count)
      if count > 8 {
        word[1] = Self.load(raw, 8, count)
        if count > 16 {
          word[2] = Self.load(raw, 16, count)
          word[3] = Self.load(raw, 24, count)
        }
      }
      word[3] |= UInt64(count) << 56
      self.word = word
      var hash = (word[0] ^ (word[2] &* 0xC2B2_AE3D_27D4_EB4F)) &* 0x9E37_79B9_7F4A_7C15
      hash = (hash ^ hash &>> 32 ^ word[1] ^ (word[3] &* 0x1656_67B1_9E37_79F9)) &* 0xD6E8_FEB8_6659_FD93
      slot = Int(truncatingIfNeeded: hash &>> (64 - WordCache.bits))
    }

    /// The bytes of the word from `offset` on, zeros past its end.
    @inline(__always)
    private static func load(_ raw: UnsafeRawPointer, _ offset: Int, _ count: Int) -> UInt64 {
      let rest = count - offset
      guard rest > 0 else { return 0 }
      let value = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      return rest >= 8 ? value : value & ((1 &<< UInt64(rest &* 8)) &- 1)
    }
  }

  /// Appends the word's ids; returns false if the word is not known.
  @inline(__always)
  func append(_ key: Key, to ids: inout [Int32]) -> Bool {
    let entry = entries + key.slot
    guard entry.pointee.word == key.word else { return false }
    let count = Int(entry.pointee.count)
    withUnsafePointer(to: &entry.pointee.ids) { tuple in
      let first = UnsafeRawPointer(tuple).assumingMemoryBound(to: Int32.self)
      if count == 1 {
        ids.append(first.pointee)
      } else {
        ids.append(contentsOf: UnsafeBufferPointer(start: first, count: count))
      }
    }
    return true
  }

  /// Stores a word if its ids are few enough.
  func store(_ key: Key, _ ids: ArraySlice<Int32>) {
    guard ids.count <= Self.mostIDs else { return }
    let entry = entries + key.slot
    entry.pointee.word = key.word
    entry.pointee.count = Int32(ids.count)
    withUnsafeMutablePointer(to: &entry.pointee.ids) { tuple in
      let first = UnsafeMutableRawPointer(tuple).assumingMemoryBound(to: Int32.self)
      for (index, id) in ids.enumerated() { first[index] = id }
    }
  }
}
