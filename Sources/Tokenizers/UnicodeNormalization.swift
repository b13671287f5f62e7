// NFC, NFD, NFKC, NFKD, by Foundation; texts that cannot change are not touched.
import Foundation

struct UnicodeNormalization: Normalizer {
  enum Form: Sendable { case nfc, nfd, nfkc, nfkd }
  let form: Form

  func normalize(_ text: inout [UInt8]) {
    // Below U+0300 composed text is composed already (lead byte 0xCC); below U+0080 nothing ever changes.
    let limit: UInt8 = form == .nfc ? 0xCC : 0x80
    guard text.contains(where: { $0 >= limit }) else { return }
    let string = String(decoding: text, as: UTF8.self)
    let normalized =
      switch form {
      case .nfc: string.precomposedStringWithCanonicalMapping
      case .nfd: string.decomposedStringWithCanonicalMapping
      case .nfkc: string.precomposedStringWithCompatibilityMapping
      case .nfkd: string.decomposedStringWithCompatibilityMapping
      }
    text = Array(normalized.utf8)
  }
}
