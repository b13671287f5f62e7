// Blocks that are compressed one by one, as pages of Parquet are.
import CCompression

package enum BlockCodec: String, CaseIterable, Sendable {
  case none, snappy, gzip, zstd
}

/// Decompresses one block after the other.
package final class BlockDecompression {
  private let codec: BlockCodec
  private let stream: (any Decompression)?

  package init(_ codec: BlockCodec) {
    self.codec = codec
    switch codec {
    case .none, .snappy: stream = nil
    case .gzip: stream = GzipDecompression()
    case .zstd: stream = ZstdDecompression()
    }
  }

  /// Decompresses a block behind the bytes of a buffer, which grows with what comes out, whatever the file claims.
  /// - Parameter size: how many bytes the block must have.
  /// - Throws: `CompressedForm.Damage`.
  package func decompress(
    _ block: UnsafeRawBufferPointer, size: Int, into buffer: inout ByteBuffer
  ) throws {
    let start = buffer.count
    if codec == .snappy {
      try unsnap(block, size: size, into: &buffer)
    } else if let stream {
      try stream.feed(block) { try buffer.append($0, most: start + size) }
      try stream.finish()
    } else {
      try buffer.append(block, most: start + size)
    }
    guard buffer.count == start + size else {
      throw CompressedForm.Damage(
        reason: "it has \(buffer.count - start) bytes in place of \(size)", offset: block.count)
    }
  }

  /// Three bytes of snappy become 64 at most.
  private func unsnap(_ block: UnsafeRawBufferPointer, size: Int, into buffer: inout ByteBuffer) throws {
    let input = block.bindMemory(to: CChar.self).baseAddress
    var length = 0
    guard snappy_uncompressed_length(input, block.count, &length) == SNAPPY_OK, length == size,
      size <= block.count * 22
    else { throw CompressedForm.Damage(reason: "it is no snappy block of \(size) bytes", offset: 0) }
    try buffer.append(size) { bytes in
      guard
        snappy_uncompress(input, block.count, bytes.bindMemory(to: CChar.self).baseAddress, &length)
          == SNAPPY_OK
      else { throw CompressedForm.Damage(reason: "it is damaged", offset: 0) }
    }
  }
}

extension BlockCodec {
  /// The compressed form of a block.
  package func compress(_ block: [UInt8]) throws -> [UInt8] {
    try block.withUnsafeBytes { bytes in
      switch self {
      case .none: return block
      case .snappy:
        return [UInt8](unsafeUninitializedCapacity: snappy_max_compressed_length(block.count)) { out, count in
          count = out.count
          let input = bytes.bindMemory(to: CChar.self).baseAddress
          out.withMemoryRebound(to: CChar.self) {
            _ = snappy_compress(input, block.count, $0.baseAddress, &count)
          }
        }
      case .gzip, .zstd:
        let stream = self == .gzip ? CompressedForm.gzip.compression() : CompressedForm.zstd.compression()
        var out: [UInt8] = []
        try stream.feed(bytes) { out += $0 }
        try stream.finish { out += $0 }
        return out
      }
    }
  }
}

/// Memory for one block after the other.
package struct ByteBuffer: ~Copyable {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  package private(set) var count = 0

  package init() {}

  deinit { memory.deallocate() }

  /// Valid until the buffer changes.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

  package mutating func removeAll() { count = 0 }

  /// - Throws: `CompressedForm.Damage` if there are more bytes than `most` then.
  package mutating func append(_ part: UnsafeRawBufferPointer, most: Int = .max) throws {
    guard part.count <= most - count else {
      throw CompressedForm.Damage(reason: "it has more than \(most) bytes", offset: 0)
    }
    guard let base = part.baseAddress, part.count > 0 else { return }
    reserve(count + part.count, most: most)
    (memory.baseAddress! + count).copyMemory(from: base, byteCount: part.count)
    count += part.count
  }

  /// Adds room for that many bytes, all of which `body` writes.
  mutating func append(_ size: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    reserve(count + size, most: count + size)
    try body(UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + size]))
    count += size
  }

  /// Keeps the first bytes only.
  package mutating func keep(_ first: Int) { count = min(first, count) }

  private mutating func reserve(_ size: Int, most: Int) {
    guard size > memory.count else { return }
    let grown = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(size, min(memory.count * 2, most)), alignment: 16)
    grown.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
    memory.deallocate()
    memory = grown
  }
}
