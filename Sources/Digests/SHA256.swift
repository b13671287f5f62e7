// SHA-256 by the system's OpenSSL, which uses the processor's own instructions for it.
import Base
import CDigests

/// SHA-256 (FIPS 180-4) of bytes that are taken in one after another.
package struct SHA256: ~Copyable {
  private let context: OpaquePointer

  package init() {
    guard let context = EVP_MD_CTX_new() else { FatalEnd.end(.noMemory(1 << 10, for: "SHA-256")) }
    self.context = context
    Self.check(EVP_DigestInit_ex(context, EVP_sha256(), nil))
  }

  deinit { EVP_MD_CTX_free(context) }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    Self.check(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count))
  }

  /// Takes in the text's bytes in UTF-8.
  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  /// - Returns: 32 bytes.
  package consuming func finalize() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { bytes, count in
      Self.check(EVP_DigestFinal_ex(context, bytes.baseAddress, nil))
      count = 32
    }
  }

  /// The digest of an array.
  package static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update($0) }
    return hash.finalize()
  }

  /// OpenSSL returns 1 where it succeeds. It fails where the system's settings forbid the algorithm.
  private static func check(_ result: Int32) {
    guard result == 1 else {
      FatalEnd.end(
        UserError(
          .data, "OpenSSL refuses SHA-256", hint: "see whether openssl.cnf or OPENSSL_CONF forbids it"))
    }
  }
}
