// A row on its way through the steps of a preparation.
import Base

/// Where a row stands among all rows of all ranks.
package struct RowOrder: Comparable, Hashable, Sendable {
  /// 0 as long as rows are in the order of the files; then what a shuffle drew.
  package var place: UInt64 = 0
  /// The row's number in the input, from 0, over all files.
  package var row: UInt64
  /// 0 for the row itself, then the number of the copy.
  package var copy: UInt64 = 0

  package init(row: Int) { self.row = UInt64(row) }

  fileprivate init(words: ArraySlice<UInt64>) {
    let first = words.startIndex
    (place, row, copy) = (words[first], words[first + 1], words[first + 2])
  }

  package static func < (a: RowOrder, b: RowOrder) -> Bool {
    (a.place, a.row, a.copy) < (b.place, b.row, b.copy)
  }
}

package struct PreparedRow: Sendable {
  package var order: RowOrder
  /// Which file of the input it is from, and which line there.
  package var file = 0
  package var line = 0
  /// Which output it belongs to: 0 is that of the training.
  package var split = 0
  package var json: JSON { didSet { text = nil } }
  /// The row as it was read; nil where it was changed.
  package private(set) var text: [UInt8]?

  package init(order: RowOrder, file: Int = 0, line: Int = 0, json: JSON, text: [UInt8]? = nil) {
    (self.order, self.file, self.line, self.json, self.text) = (order, file, line, json, text)
  }

  /// Random numbers that depend on seed, step and row alone.
  /// - Parameter step: different for each step of a recipe.
  package func random(seed: UInt64, step: Int) -> PhiloxStream {
    var mixed = FNV1a()
    for number in [seed, UInt64(step), order.copy] { mixed.mix(number) }
    return PhiloxStream(seed: mixed.value, stream: order.row)
  }

  /// The row as one line of JSON, without its end.
  package var encoded: [UInt8] {
    if let text { return text }
    var line: [UInt8] = []
    json.write(to: &line)
    return line
  }
}

// Rows as bytes: a head of eight words of 64 bits, and then the row's line.
extension PreparedRow {
  private static let headWords = 8
  private static var headBytes: Int { headWords * 8 }

  /// Adds the row to others.
  package func write(to bytes: inout [UInt8]) {
    let line = encoded
    let head = [
      order.place, order.row, order.copy, UInt64(file), UInt64(self.line), UInt64(split),
      text == nil ? 0 : 1, UInt64(line.count),
    ]
    head.withUnsafeBytes { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: line)
  }

  /// Goes through rows that were written one behind the other.
  /// - Parameter body: gets the head, the line, and where the line stands.
  package static func forEach(
    in bytes: UnsafeRawBufferPointer,
    _ body: (_ head: [UInt64], _ line: UnsafeRawBufferPointer, _ range: Range<Int>) throws -> Void
  ) rethrows {
    var at = 0
    while at < bytes.count {
      let head = (0..<headWords).map { bytes.loadUnaligned(fromByteOffset: at + $0 * 8, as: UInt64.self) }
      let start = at + headBytes
      let end = start + Int(head[7])
      try body(head, UnsafeRawBufferPointer(rebasing: bytes[start..<end]), start..<end)
      at = end
    }
  }

  static func order(of head: [UInt64]) -> RowOrder { RowOrder(words: head[0..<3]) }
  static func split(of head: [UInt64]) -> Int { Int(head[5]) }

  init(head: [UInt64], line: UnsafeRawBufferPointer) throws {
    let bytes = Array(line)
    self.init(
      order: Self.order(of: head), file: Int(head[3]), line: Int(head[4]),
      json: try JSON.parse(bytes, takesLargeNumbers: true), text: head[6] == 1 ? bytes : nil)
    split = Self.split(of: head)
  }
}
