// Parts of a data file that can be read apart from each other.
import Foundation
import Tokenizers

/// Some of the rows of a file. Lines and rows of a part count from its beginning.
enum FilePiece: Equatable, Sendable {
  case whole
  /// From the beginning of a row to the end of one.
  case bytes(Range<Int>)
  /// Row groups of a .parquet file.
  case groups(Range<Int>)

  /// What tells it from the other pieces of its file.
  var name: String {
    switch self {
    case .whole: "whole"
    case .bytes(let range): "bytes-\(range.lowerBound)-\(range.upperBound)"
    case .groups(let range): "groups-\(range.lowerBound)-\(range.upperBound)"
    }
  }

  /// What `name` gave; nil for anything else.
  init?(name: String) {
    let words = name.split(separator: "-").map(String.init)
    let numbers = words.dropFirst().compactMap { Int($0) }
    switch (words.first, numbers.count) {
    case ("whole", 0) where words.count == 1: self = .whole
    case ("bytes", 2) where numbers[0] <= numbers[1] && numbers[0] >= 0:
      self = .bytes(numbers[0]..<numbers[1])
    case ("groups", 2) where numbers[0] <= numbers[1] && numbers[0] >= 0:
      self = .groups(numbers[0]..<numbers[1])
    default: return nil
    }
  }
}

extension DataFile {
  /// The pieces of a file, each of about so many bytes, in order. Files whose rows cannot be found from the middle are one.
  /// - Parameter cutsText: whether parts of a text may be encoded apart.
  func pieces(of size: Int, cutsText: Bool) -> [FilePiece] {
    guard self.size > size, !isCompressed else { return [.whole] }
    return switch kind {
    case .jsonLines, .tabs: ranges(of: size) { self.lineEnd(behind: $1) }
    case .commas: ranges(of: size, end: rowEnd)
    case .parquet: groups(of: size)
    case .text where cutsText:
      ranges(of: size) { _, place in
        let part = UnsafeBufferPointer(rebasing: self.bytes[..<min(self.size, place + Self.longestRow)])
        return TextCuts.place(in: part, from: place)
      }
    case .text, .json, .words: [.whole]
    }
  }

  /// - Parameter end: gives the end of the first row that ends at a place or behind it; nil where there is none that is
  ///   short enough. Its first argument is the beginning of the piece.
  private func ranges(of size: Int, end: (Int, Int) -> Int?) -> [FilePiece] {
    var pieces: [FilePiece] = []
    var start = 0
    while start < self.size {
      // The last piece takes what would be a small one.
      guard self.size - start > size + size / 2 else {
        pieces.append(.bytes(start..<self.size))
        break
      }
      guard let next = end(start, start + size) else { return [.whole] }
      pieces.append(.bytes(start..<next))
      start = next
    }
    return pieces
  }

  /// Where the line of a place ends, with its line feed.
  private func lineEnd(behind place: Int) -> Int? {
    let limit = min(size, place + Self.longestRow)
    return (place..<limit).first { bytes[$0] == 0x0A }.map { $0 + 1 } ?? (limit == size ? size : nil)
  }

  /// The same for rows of a table with quotes: a line feed inside of quotes ends no row. Where quotes are wrong, so is the
  /// file, and the part in which they are shows it.
  private func rowEnd(from start: Int, behind place: Int) -> Int? {
    var quotes = 0
    for part in stride(from: start, to: place, by: 1 << 20) {
      quotes += count(of: UInt8(ascii: "\""), in: part..<min(part + 1 << 20, place))
    }
    release(start..<place)
    let limit = min(size, place + Self.longestRow)
    for index in place..<limit {
      if bytes[index] == UInt8(ascii: "\"") { quotes += 1 }
      if bytes[index] == 0x0A, quotes.isMultiple(of: 2) { return index + 1 }
    }
    return limit == size ? size : nil
  }

  private func groups(of size: Int) -> [FilePiece] {
    guard let sizes = try? parquetGroups() else { return [.whole] }
    var pieces: [FilePiece] = []
    var (start, bytes) = (0, 0)
    for (group, count) in sizes.enumerated() {
      bytes += count
      guard bytes >= size || group == sizes.count - 1 else { continue }
      pieces.append(.groups(start..<group + 1))
      (start, bytes) = (group + 1, 0)
    }
    return pieces.isEmpty ? [.whole] : pieces
  }

  /// How many line feeds a piece has.
  func lines(in piece: FilePiece) -> Int {
    guard case .bytes(let range) = piece else { return 0 }
    return count(of: 0x0A, in: range)
  }

  private func count(of byte: UInt8, in range: Range<Int>) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    var (count, start) = (0, range.lowerBound)
    while start < range.upperBound,
      let found = memchr(base + start, Int32(byte), range.upperBound - start)
    {
      count += 1
      start = UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
    }
    return count
  }
}
