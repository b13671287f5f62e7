// The compressed forms that a whole file may have.

package enum CompressedForm: String, CaseIterable, Sendable {
  case gzip = "gz"
  case zstd = "zst"

  /// What a compressed stream is not, or where it stops being one.
  package struct Damage: Error, Equatable {
    package var reason: String
    /// Bytes of the compressed stream before it.
    package var offset: Int
  }
}

/// Takes bytes that are valid only while it runs.
package typealias ByteSink = (UnsafeRawBufferPointer) throws -> Void

/// Decompresses a stream that comes in parts: any number of gzip's members, or of zstd's frames, one behind the other.
package protocol Decompression: AnyObject {
  /// Decompresses a part of the stream, a bounded piece at a time.
  /// - Throws: `CompressedForm.Damage`, and what the sink throws.
  func feed(_ part: UnsafeRawBufferPointer, _ sink: ByteSink) throws
  /// - Throws: `CompressedForm.Damage` if the stream is not at an end.
  func finish() throws
}

/// Compresses a stream that comes in parts.
package protocol Compression: AnyObject {
  func feed(_ part: UnsafeRawBufferPointer, _ sink: ByteSink) throws
  /// Writes what is left, and the end of the stream.
  func finish(_ sink: ByteSink) throws
}

extension CompressedForm {
  package func decompression() -> any Decompression {
    switch self {
    case .gzip: GzipDecompression()
    case .zstd: ZstdDecompression()
    }
  }

  /// At the level that the form's own program has for a default.
  package func compression() -> any Compression {
    switch self {
    case .gzip: GzipCompression()
    case .zstd: ZstdCompression()
    }
  }
}
