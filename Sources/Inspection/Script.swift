// Scripts, as far as data is told apart by them.

enum Script: Int, CaseIterable {
  case latin, greek, cyrillic, armenian, hebrew, arabic, indic, thai, georgian, hangul, ethiopic, kana, han
  case other

  var name: String {
    switch self {
    case .kana: "Japanese"
    case .han: "Chinese"
    case .hangul: "Korean"
    case .indic: "Indic scripts"
    case .thai: "Thai and Lao"
    case .other: "other scripts"
    default: "\(self)".prefix(1).uppercased() + "\(self)".dropFirst()
    }
  }

  /// The blocks of Unicode that hold letters of these scripts.
  private static let blocks: [(ClosedRange<UInt32>, Script)] = [
    (0x41...0x5A, .latin), (0x61...0x7A, .latin), (0xAA...0xAA, .latin), (0xBA...0xBA, .latin),
    (0xC0...0xD6, .latin), (0xD8...0xF6, .latin), (0xF8...0x2AF, .latin), (0x370...0x3FF, .greek),
    (0x400...0x52F, .cyrillic), (0x531...0x58A, .armenian), (0x590...0x5FF, .hebrew),
    (0x600...0x77F, .arabic),
    (0x8A0...0x8FF, .arabic), (0x900...0xDFF, .indic), (0xE00...0xEFF, .thai), (0x10A0...0x10FF, .georgian),
    (0x1100...0x11FF, .hangul), (0x1200...0x139F, .ethiopic), (0x1C80...0x1C8F, .cyrillic),
    (0x1E00...0x1EFF, .latin), (0x1F00...0x1FFF, .greek), (0x2C60...0x2C7F, .latin), (0x2E80...0x2FDF, .han),
    (0x3005...0x3007, .han), (0x3041...0x30FF, .kana), (0x3130...0x318F, .hangul), (0x31F0...0x31FF, .kana),
    (0x3400...0x4DBF, .han), (0x4E00...0x9FFF, .han), (0xA720...0xA7FF, .latin), (0xAC00...0xD7FF, .hangul),
    (0xF900...0xFAFF, .han), (0xFB50...0xFDCF, .arabic), (0xFE70...0xFEFC, .arabic),
    (0xFF21...0xFF3A, .latin),
    (0xFF41...0xFF5A, .latin), (0xFF66...0xFF9D, .kana), (0x20000...0x3FFFF, .han),
  ]

  /// The script of a letter; nil for what is none.
  init?(_ value: UInt32) {
    var (low, high) = (0, Self.blocks.count - 1)
    while low <= high {
      let middle = (low + high) / 2
      let (range, script) = Self.blocks[middle]
      if range.contains(value) {
        self = script
        return
      }
      if value < range.lowerBound { high = middle - 1 } else { low = middle + 1 }
    }
    guard value >= 0x1400, let scalar = Unicode.Scalar(value), scalar.properties.isAlphabetic else {
      return nil
    }
    self = .other
  }
}
