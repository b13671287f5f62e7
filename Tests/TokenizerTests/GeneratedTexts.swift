// Texts of mixed scripts, the same as those of make_tokenizer_fixtures.py.

enum GeneratedTexts {
  /// 1,500 texts, each from three ranges of code points.
  static let all: [[UInt8]] = {
    var state: UInt64 = 20
    func draw(_ count: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % count
    }
    return (0..<1500).map { _ in
      let chosen = (0..<3).map { _ in pools[Int(draw(UInt64(pools.count)))] }
      var text = ""
      for _ in 0..<(1 + draw(40)) {
        let pool = chosen[Int(draw(3))]
        let point = pool.lowerBound + UInt32(draw(UInt64(pool.count)))
        if let scalar = Unicode.Scalar(point) { text.unicodeScalars.append(scalar) }
      }
      return Array(text.utf8)
    }
  }()

  private static let pools: [ClosedRange<UInt32>] = [
    0x20...0x7E, 0...0xFF, 0x2B0...0x36F, 0x370...0x5FF, 0x600...0x7FF, 0x900...0x9FF, 0xE00...0xEFF,
    0x10A0...0x11FF, 0x1C5...0x1F3, 0x2000...0x206F, 0x20A0...0x218F, 0x3000...0x30FF, 0x4E00...0x4E7F,
    0xAC00...0xAC7F, 0xFB00...0xFEFF, 0xFF00...0xFFEF, 0x1F1E6...0x1F1FF, 0x1F300...0x1F64F, 0...0x10FFFF,
    0x27...0x2F, 0x09...0x0D,
  ]
}
