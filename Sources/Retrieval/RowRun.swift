// Rows of a tensor that are written as they come.
import Checkpoints

/// Rows of a tensor that are written one behind the other, many at once.
struct RowRun {
  private let name: String
  private let writer: SafetensorsWriter
  /// Of an element.
  private let bytes: Int
  private var waiting: [UInt8] = []
  private var written = 0
  private static let most = 1 << 20

  init(_ name: String, _ writer: SafetensorsWriter, bytes: Int) {
    (self.name, self.writer, self.bytes) = (name, writer, bytes)
  }

  mutating func append(_ row: UnsafeRawBufferPointer) throws {
    waiting.append(contentsOf: row)
    if waiting.count >= Self.most { try flush() }
  }

  mutating func flush() throws {
    guard !waiting.isEmpty else { return }
    try waiting.withUnsafeBytes { try writer.write(name: name, from: written, bytes: $0) }
    written += waiting.count / bytes
    waiting.removeAll(keepingCapacity: true)
  }
}
