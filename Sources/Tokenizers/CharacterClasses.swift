// The class of a code point, as the pre-tokenizers of `tokenizers` see it.

/// Two tables: one byte for each block of 256 code points, then one byte for each code point.
final class CharacterClasses: Sendable {
  static let letter: UInt8 = 1  // \p{L}
  static let number: UInt8 = 2  // \p{N}
  static let space: UInt8 = 4  // \s
  static let word: UInt8 = 8  // \w
  static let whitespace: UInt8 = 16  // White_Space
  static let punctuation: UInt8 = 32  // \p{P} and ASCII's symbols
  static let numeric: UInt8 = 64  // what Digits takes apart
  static let changing: UInt8 = 128  // what NFC may change or join with what is before it

  /// Kinds of letters and marks; `letter`, `number` and `space` are as above.
  enum Letters {
    static let upper: UInt8 = 8  // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
    static let lower: UInt8 = 16  // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
    static let mark: UInt8 = 32  // \p{M}
    static let punctuation: UInt8 = 64  // \p{P}
    static let symbol: UInt8 = 128  // \p{S}
  }

  static let letters = CharacterClasses(runs: letterClassRuns)
  static let shared = CharacterClasses(runs: characterClassRuns)

  private let blocks: [UInt16]
  private let classes: [UInt8]

  /// - Parameter runs: the first code point of each run of one class times 256, plus the class.
  init(runs: [UInt32]) {
    var blocks: [UInt16] = []
    var classes: [UInt8] = []
    var seen: [[UInt8]: UInt16] = [:]
    var run = 0
    for block in 0..<(0x110000 / 256) {
      var row = [UInt8](repeating: 0, count: 256)
      for low in 0..<256 {
        let point = UInt32(block * 256 + low)
        while run + 1 < runs.count, runs[run + 1] >> 8 <= point { run += 1 }
        row[low] = UInt8(truncatingIfNeeded: runs[run])
      }
      if let index = seen[row] {
        blocks.append(index)
      } else {
        let index = UInt16(classes.count / 256)
        seen[row] = index
        blocks.append(index)
        classes += row
      }
    }
    self.blocks = blocks
    self.classes = classes
  }

  func callAsFunction(_ scalar: UInt32) -> UInt8 {
    guard scalar < 0x110000 else { return 0 }
    return classes[Int(blocks[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
  }

  /// Calls `body` with a reader that costs no checks; the reader must not leave the closure.
  @inline(__always)
  func withReader<R>(_ body: (Reader) throws -> R) rethrows -> R {
    try blocks.withUnsafeBufferPointer { blocks in
      try classes.withUnsafeBufferPointer { classes in
        // Both tables are filled in `init` and never empty.
        try body(Reader(blocks: blocks, classes: classes))
      }
    }
  }

  struct Reader {
    let blocks: UnsafeBufferPointer<UInt16>
    let classes: UnsafeBufferPointer<UInt8>

    @inline(__always)
    func ascii(_ byte: UInt8) -> UInt8 {
      classes.baseAddress.unsafelyUnwrapped[Int(byte)]
    }

    /// The class of the scalar that starts at `at` in valid UTF-8, and how many bytes it has.
    @inline(__always)
    func scalar(_ text: UnsafePointer<UInt8>, _ at: Int) -> (class: UInt8, length: Int) {
      let byte = text[at]
      if byte < 0x80 { return (ascii(byte), 1) }
      let (scalar, length) = UTF8Text.scalar(text, at)
      let block = Int(blocks.baseAddress.unsafelyUnwrapped[Int(scalar >> 8)])
      return (classes.baseAddress.unsafelyUnwrapped[block << 8 | Int(scalar & 0xFF)], length)
    }
  }
}
