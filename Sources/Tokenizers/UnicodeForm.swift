// The four forms of Unicode, for texts that are not on their way into tokens.

package enum UnicodeForm: String, Sendable {
  case nfc, nfd, nfkc, nfkd

  /// The text in this form, as Unicode 9 has it: characters of later versions stay as they are.
  /// - Parameter text: UTF-8.
  package func normalized(_ text: [UInt8]) -> [UInt8] {
    let form: UnicodeNormalization.Form =
      switch self {
      case .nfc: .nfc
      case .nfd: .nfd
      case .nfkc: .nfkc
      case .nfkd: .nfkd
      }
    var text = text
    UnicodeNormalization(form: form).normalize(&text)
    return text
  }
}
