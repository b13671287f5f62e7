// What activations are kept in between forward and backward.
import Tensors

package enum ActivationStorage: String, Sendable, CaseIterable {
  case float32
  case bfloat16
  /// A byte each, with the largest magnitude of every 64 (Dettmers et al. 2022, `LLM.int8()`, by blocks).
  case int8

  private static let block = 64

  /// How many floats of memory as many numbers take.
  package func room(_ count: Int) -> Int {
    switch self {
    case .float32: count
    case .bfloat16: (count + 1) / 2
    case .int8: (count + 3) / 4 + (count + Self.block - 1) / Self.block
    }
  }

  /// The bytes and the largest magnitudes in such a room.
  fileprivate func parts(
    _ room: UnsafeMutablePointer<Float>, _ count: Int
  ) -> (codes: UnsafeMutablePointer<Int8>, largest: UnsafeMutablePointer<Float>) {
    (
      UnsafeMutableRawPointer(room).assumingMemoryBound(to: Int8.self), room + (count + 3) / 4
    )
  }

  fileprivate func pack(
    _ x: UnsafePointer<Float>, _ range: Range<Int>, of count: Int, into room: UnsafeMutablePointer<Float>
  ) {
    let start = range.lowerBound
    switch self {
    case .float32: (room + start).update(from: x + start, count: range.count)
    case .bfloat16:
      let halves = UnsafeMutableRawPointer(room).assumingMemoryBound(to: BFloat16.self)
      BFloat16.narrow(x + start, count: range.count, into: halves + start)
    case .int8:
      let (codes, largest) = parts(room, count)
      let (whole, rest) = range.count.quotientAndRemainder(dividingBy: Self.block)
      Int8Rows.quantise(
        x + start, rows: whole, columns: Self.block, into: codes + start,
        largest: largest + start / Self.block)
      let end = start + whole * Self.block
      if rest > 0 {
        Int8Rows.quantise(
          x + end, rows: 1, columns: rest, into: codes + end, largest: largest + end / Self.block)
      }
    }
  }

  fileprivate func unpack(
    _ room: UnsafeMutablePointer<Float>, _ range: Range<Int>, of count: Int,
    into x: UnsafeMutablePointer<Float>
  ) {
    let start = range.lowerBound
    switch self {
    case .float32: (x + start).update(from: room + start, count: range.count)
    case .bfloat16:
      let halves = UnsafeMutableRawPointer(room).assumingMemoryBound(to: BFloat16.self)
      BFloat16.widen(halves + start, count: range.count, into: x + start)
    case .int8:
      let (codes, largest) = parts(room, count)
      for place in stride(from: start, to: range.upperBound, by: Self.block) {
        Int8Rows.widen(
          codes + place, count: min(Self.block, range.upperBound - place),
          largest: largest[place / Self.block],
          into: x + place)
      }
    }
  }
}

extension Engine {
  /// Writes `count` numbers into a room of `storage.room(count)` floats, rounded to the nearest. A number that is not
  /// finite stays so; in int8 its whole block becomes NaN.
  package func pack(
    _ x: UnsafePointer<Float>, count: Int, as storage: ActivationStorage,
    into room: UnsafeMutablePointer<Float>
  ) {
    forEachStretch(count) { storage.pack(x, $0, of: count, into: room) }
  }

  package func unpack(
    _ room: UnsafeMutablePointer<Float>, count: Int, as storage: ActivationStorage,
    into x: UnsafeMutablePointer<Float>
  ) {
    forEachStretch(count) { storage.unpack(room, $0, of: count, into: x) }
  }
}
