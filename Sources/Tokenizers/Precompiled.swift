// Precompiled: SentencePiece's map of characters, as the tokenizers package applies it. The map is a tree of keys in a
// double array (Yata, "Darts-clone"), followed by the texts that the keys become, each ended by a zero.
//
// The package looks up each grapheme cluster of fewer than six bytes as a whole, where the shortest key that the
// cluster begins with stands for all of it, and other clusters character by character.
import Base
import Foundation

struct Precompiled: Normalizer {
  private let units: [UInt32]
  private let texts: [UInt8]
  /// Whether a byte of ASCII becomes another text when it stands alone; true for all other bytes.
  private var mayChange = [Bool](repeating: true, count: 256)
  let growth: Int

  private static let longestCluster = 5

  init(_ part: FilePart) throws {
    let map = try part.required("precompiled_charsmap")
    guard let bytes = Data(base64Encoded: Data(try map.bytes())) else {
      throw map.error("this is not base64")
    }
    try self.init(Array(bytes), map)
  }

  /// - Parameter part: the map, for messages.
  init(_ bytes: [UInt8], _ part: FilePart) throws(UserError) {
    func number(_ at: Int) -> Int { (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) } }
    guard bytes.count >= 4, number(0) >= 4, number(0) % 4 == 0, number(0) <= bytes.count - 4 else {
      throw part.error("the map is cut off")
    }
    let end = 4 + number(0)
    units = stride(from: 4, to: end, by: 4).map { UInt32(number($0)) }
    texts = Array(bytes[end...])
    guard texts.withUnsafeBufferPointer({ UTF8Text.validPrefix($0) }) == texts.count else {
      throw part.error("the texts of the map are not UTF-8")
    }
    growth = max(1, texts.split(separator: 0).reduce(0) { max($0, $1.count) })
    let ascii = (0..<128).map { UInt8($0) }
    ascii.withUnsafeBufferPointer { ascii in
      guard let base = ascii.baseAddress else { return }
      for byte in 0..<128 { mayChange[byte] = text(for: base, byte, byte + 1) != nil }
    }
    mayChange[0x0D] = true  // may stand before a line feed
  }

  func normalize(_ text: inout TracedText) {
    // Most texts change late, and many not at all.
    guard let first = text.bytes.firstIndex(where: { mayChange[Int($0)] }) else { return }
    text.rewrite { text, out in
      guard let base = text.baseAddress else { return }
      var done = 0
      // A mark may belong to the letter before it.
      var at = max(first - 1, 0)
      while at < text.count {
        let byte = base[at]
        let next: UInt8 = at + 1 < text.count ? base[at + 1] : 0
        // ASCII before ASCII is a cluster of its own, but for a line end of two.
        if byte < 0x80, next < 0x80, byte != 0x0D || next != 0x0A {
          if mayChange[Int(byte)] { replace(base, at, at + 1, &done, &out) }
          at += 1
          continue
        }
        let end = GraphemeClusters.end(base, at, text.count)
        if end - at <= Self.longestCluster, replace(base, at, end, &done, &out) {
          at = end
          continue
        }
        while at < end {
          let next = at + UTF8Text.length(base[at])
          replace(base, at, next, &done, &out)
          at = next
        }
      }
      out.copy(base, done..<text.count)
    }
  }

  /// Replaces a part of the text if it has another text; what comes before it from `done` on is copied.
  @discardableResult
  @inline(__always)
  private func replace(
    _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ done: inout Int,
    _ out: inout TracedText.Output
  ) -> Bool {
    guard let new = text(for: base, start, end) else { return false }
    out.copy(base, done..<start)
    done = end
    // Characters of the new text come from those of the old one, one by one, and what is more from the last.
    var from = start
    var at = new.lowerBound
    while at < new.upperBound {
      let length = UTF8Text.length(texts[at])
      out.append(contentsOf: texts[at..<(at + length)], from: from)
      at += length
      let next = from + UTF8Text.length(base[from])
      if next < end { from = next }
    }
    return true
  }

  /// What the shortest key that a part of a text begins with becomes, as a range of `texts`.
  private func text(for base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Range<Int>? {
    units.withUnsafeBufferPointer { units in
      var node = Self.offset(units[0])
      for at in start..<end {
        guard base[at] != 0 else { return nil }
        node ^= Int(base[at])
        // In a damaged map, an offset may lead anywhere.
        guard node < units.count, units[node] & 0x8000_00FF == UInt32(base[at]) else { return nil }
        let unit = units[node]
        node ^= Self.offset(unit)
        guard unit >> 8 & 1 == 1 else { continue }
        guard node < units.count else { return nil }
        let first = Int(units[node] & 0x7FFF_FFFF)
        guard first <= texts.count else { return nil }
        guard first < texts.count else { return first..<first }
        guard texts[first] & 0xC0 != 0x80 else { return nil }
        var last = first
        while last < texts.count, texts[last] != 0 { last += 1 }
        return first..<last
      }
      return nil
    }
  }

  @inline(__always)
  private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 0x200) >> 6) }
}
