// Zstandard (RFC 8878) through the system's libzstd.
import CCompression

final class ZstdDecompression: Decompression {
  private let stream = ZSTD_createDStream()
  private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: ZSTD_DStreamOutSize(), alignment: 16)
  private var offset = 0
  /// How many bytes the frame wants next; 0 at its end.
  private var wanted = 1

  init() { precondition(stream != nil, "zstd has memory for a stream") }

  deinit {
    ZSTD_freeDStream(stream)
    piece.deallocate()
  }

  func feed(_ part: UnsafeRawBufferPointer, _ sink: ByteSink) throws {
    var input = ZSTD_inBuffer(src: part.baseAddress, size: part.count, pos: 0)
    var pieceIsFull = false
    while input.pos < input.size || pieceIsFull {
      var output = ZSTD_outBuffer(dst: piece.baseAddress, size: piece.count, pos: 0)
      let before = input.pos
      wanted = ZSTD_decompressStream(stream, &output, &input)
      offset += input.pos - before
      guard ZSTD_isError(wanted) == 0 else {
        throw CompressedForm.Damage(reason: String(cString: ZSTD_getErrorName(wanted)), offset: offset)
      }
      if output.pos > 0 { try sink(UnsafeRawBufferPointer(rebasing: piece[..<output.pos])) }
      pieceIsFull = output.pos == output.size && wanted != 0
    }
  }

  func finish() throws {
    guard wanted != 0 else { return }
    throw CompressedForm.Damage(reason: "it ends too early", offset: offset)
  }
}

final class ZstdCompression: Compression {
  private let stream = ZSTD_createCStream()
  private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)

  init() {
    precondition(stream != nil, "zstd has memory for a stream")
    ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1)
  }

  deinit {
    ZSTD_freeCStream(stream)
    piece.deallocate()
  }

  func feed(_ part: UnsafeRawBufferPointer, _ sink: ByteSink) throws {
    var input = ZSTD_inBuffer(src: part.baseAddress, size: part.count, pos: 0)
    while input.pos < input.size { _ = try run(&input, ZSTD_e_continue, sink) }
  }

  func finish(_ sink: ByteSink) throws {
    var input = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
    while try run(&input, ZSTD_e_end, sink) > 0 {}
  }

  /// - Returns: how many bytes are still to be written.
  private func run(
    _ input: inout ZSTD_inBuffer, _ end: ZSTD_EndDirective, _ sink: ByteSink
  ) throws -> Int {
    var output = ZSTD_outBuffer(dst: piece.baseAddress, size: piece.count, pos: 0)
    let left = ZSTD_compressStream2(stream, &output, &input, end)
    precondition(ZSTD_isError(left) == 0, "zstd compresses any bytes")
    if output.pos > 0 { try sink(UnsafeRawBufferPointer(rebasing: piece[..<output.pos])) }
    return left
  }
}
