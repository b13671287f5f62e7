// gzip (RFC 1952) through the system's zlib.
import CCompression

/// zlib counts the bytes of one call in 32 bits.
private let largestPart = 1 << 30
private let pieceSize = 1 << 17

final class GzipDecompression: Decompression {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)
  private var offset = 0
  /// Whether a member has begun and not ended.
  private var isInside = false
  private var hasMember = false

  init() {
    let code = swiftdp_inflate_start(stream)
    precondition(code == Z_OK, "zlib has memory for a stream")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    piece.deallocate()
  }

  func feed(_ part: UnsafeRawBufferPointer, _ sink: ByteSink) throws {
    var start = 0
    while start < part.count {
      let end = min(part.count, start + largestPart)
      try feedSome(UnsafeRawBufferPointer(rebasing: part[start..<end]), sink)
      start = end
    }
  }

  private func feedSome(_ part: UnsafeRawBufferPointer, _ sink: ByteSink) throws {
    let bytes = part.bindMemory(to: UInt8.self)
    stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
    stream.pointee.avail_in = UInt32(bytes.count)
    var pieceIsFull = false
    while stream.pointee.avail_in > 0 || pieceIsFull {
      if !isInside, hasMember {
        // Tapes and disks fill their last block with zeros.
        let place = bytes.count - Int(stream.pointee.avail_in)
        guard bytes[place] != 0 else {
          stream.pointee.next_in += 1
          stream.pointee.avail_in -= 1
          offset += 1
          continue
        }
        inflateReset(stream)
      }
      isInside = true
      stream.pointee.next_out = piece.bindMemory(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(piece.count)
      let before = Int(stream.pointee.avail_in)
      let code = inflate(stream, Z_NO_FLUSH)
      offset += before - Int(stream.pointee.avail_in)
      let made = piece.count - Int(stream.pointee.avail_out)
      if made > 0 { try sink(UnsafeRawBufferPointer(rebasing: piece[..<made])) }
      pieceIsFull = made == piece.count
      switch code {
      case Z_STREAM_END:
        isInside = false
        hasMember = true
        pieceIsFull = false
      case Z_OK: break
      // Nothing is left to do with the bytes that there are.
      case Z_BUF_ERROR: return
      default:
        throw CompressedForm.Damage(
          reason: stream.pointee.msg.map { String(cString: $0) } ?? "zlib's code \(code)", offset: offset)
      }
    }
  }

  func finish() throws {
    guard isInside || !hasMember else { return }
    throw CompressedForm.Damage(reason: "it ends too early", offset: offset)
  }
}

final class GzipCompression: Compression {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)

  init() {
    let code = swiftdp_deflate_start(stream, 6)
    precondition(code == Z_OK, "zlib has memory for a stream")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
    piece.deallocate()
  }

  func feed(_ part: UnsafeRawBufferPointer, _ sink: ByteSink) throws {
    var start = 0
    while start < part.count {
      let end = min(part.count, start + largestPart)
      try run(UnsafeRawBufferPointer(rebasing: part[start..<end]), Z_NO_FLUSH, sink)
      start = end
    }
  }

  func finish(_ sink: ByteSink) throws {
    try run(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH, sink)
  }

  private func run(_ part: UnsafeRawBufferPointer, _ flush: Int32, _ sink: ByteSink) throws {
    stream.pointee.next_in = UnsafeMutablePointer(mutating: part.bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(part.count)
    while true {
      stream.pointee.next_out = piece.bindMemory(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(piece.count)
      let code = deflate(stream, flush)
      let made = piece.count - Int(stream.pointee.avail_out)
      if made > 0 { try sink(UnsafeRawBufferPointer(rebasing: piece[..<made])) }
      if code == Z_STREAM_END || (flush == Z_NO_FLUSH && stream.pointee.avail_out > 0) { return }
    }
  }
}

/// The checksum of gzip and of Parquet's pages (CRC-32 of IEEE 802.3).
package func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  UInt32(truncatingIfNeeded: crc32_z(0, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
}
