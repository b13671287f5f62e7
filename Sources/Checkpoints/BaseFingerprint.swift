// What tells one base model from another: an adapter is of use to its own alone.
import Base

extension StoredTensors {
  /// Bytes at each end of a tensor that are looked at.
  private static let sample = 4096

  /// A hash over names, types and shapes of all tensors and the ends of their numbers: training anything of a model
  /// changes it, and it is read in a moment.
  /// - Returns: 16 hexadecimal digits.
  /// - Throws: where a file cannot be read.
  func fingerprint() throws -> String {
    var hash = FNV1a()
    for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
      for byte in "\(name)\0\(entry(name)?.type.rawValue ?? "")\0\(entry(name)?.shape ?? [])\0".utf8 {
        hash.mix(UInt64(byte))
      }
      try withBytes(of: name) { bytes in
        for byte in bytes.prefix(Self.sample) { hash.mix(UInt64(byte)) }
        for byte in bytes.suffix(Self.sample) { hash.mix(UInt64(byte)) }
      }
    }
    return hash.digits
  }
}
