// Where a text holds another one, in time that grows with the sum of both lengths.
import Foundation

extension PythonText {
  /// Where a part begins first.
  static func find(_ part: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
    guard let first = part.first else { return text.startIndex }
    guard part.count <= text.count else { return nil }
    if part.count > shortest { return findLong(part, in: text) }
    return text.withUnsafeBytes { bytes in
      var at = 0
      let last = bytes.count - part.count
      while at <= last, let found = memchr(bytes.baseAddress! + at, Int32(first), last - at + 1) {
        at = UnsafeRawPointer(found) - bytes.baseAddress!
        if memcmp(found, part, part.count) == 0 { return text.startIndex + at }
        at += 1
      }
      return nil
    }
  }

  /// Parts up to so many bytes are compared at every place where they may begin.
  private static let shortest = 24

  /// Knuth, Morris and Pratt: no byte of the text is read twice.
  private static func findLong(_ part: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
    var overlaps = [Int](repeating: 0, count: part.count)
    var matched = 0
    for place in 1..<part.count {
      while matched > 0, part[place] != part[matched] { matched = overlaps[matched - 1] }
      if part[place] == part[matched] { matched += 1 }
      overlaps[place] = matched
    }
    matched = 0
    for place in text.indices {
      while matched > 0, text[place] != part[matched] { matched = overlaps[matched - 1] }
      if text[place] == part[matched] { matched += 1 }
      if matched == part.count { return place - part.count + 1 }
    }
    return nil
  }
}
