// Python's upper and lower case, which may change how many characters there are.

extension PythonText {
  package static func uppercased(_ text: [UInt8]) -> [UInt8] {
    if isASCII(text) { return text.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 32 : $0 } }
    var out: [UInt8] = []
    for scalar in scalars(text) { out += scalar.properties.uppercaseMapping.utf8 }
    return out
  }

  package static func lowercased(_ text: [UInt8]) -> [UInt8] {
    if isASCII(text) { return text.map { $0 >= 0x41 && $0 <= 0x5A ? $0 + 32 : $0 } }
    let scalars = scalars(text)
    var out: [UInt8] = []
    for place in scalars.indices { out += lowercase(scalars, place).utf8 }
    return out
  }

  /// The lower case of a character in its place: a sigma that ends a word has one of its own.
  private static func lowercase(_ scalars: [Unicode.Scalar], _ place: Int) -> String {
    guard scalars[place] == "\u{3A3}" else { return scalars[place].properties.lowercaseMapping }
    let before = scalars[..<place].last { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
    let after = scalars[(place + 1)...].first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
    return before && !after ? "\u{3C2}" : "\u{3C3}"
  }

  static func caseFolded(_ text: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    for scalar in scalars(text) {
      switch scalar.value {
      case 0xDF, 0x1E9E: out += "ss".utf8
      case 0x3C2: out += "σ".utf8
      default: out += String(scalar).lowercased().utf8
      }
    }
    return out
  }

  package static func capitalized(_ text: [UInt8]) -> [UInt8] {
    let scalars = scalars(text)
    guard let first = scalars.first else { return [] }
    var out = Array(first.properties.titlecaseMapping.utf8)
    for place in scalars.indices.dropFirst() { out += lowercase(scalars, place).utf8 }
    return out
  }

  /// Every run of letters begins in upper case.
  static func titled(_ text: [UInt8]) -> [UInt8] {
    let scalars = scalars(text)
    var out: [UInt8] = []
    var isInWord = false
    for (place, scalar) in scalars.enumerated() {
      out += (isInWord ? lowercase(scalars, place) : scalar.properties.titlecaseMapping).utf8
      isInWord = scalar.properties.isCased
    }
    return out
  }

  static func caseSwapped(_ text: [UInt8]) -> [UInt8] {
    let scalars = scalars(text)
    var out: [UInt8] = []
    for (place, scalar) in scalars.enumerated() {
      if scalar.properties.isUppercase {
        out += lowercase(scalars, place).utf8
      } else if scalar.properties.isLowercase {
        out += scalar.properties.uppercaseMapping.utf8
      } else {
        append(scalar, to: &out)
      }
    }
    return out
  }

  // MARK: - What a text consists of

  /// Whether there are characters with case, and all of them are of one.
  static func isAll(upper: Bool, _ text: [UInt8]) -> Bool {
    var isCased = false
    for scalar in scalars(text) {
      let properties = scalar.properties
      if (upper ? properties.isLowercase : properties.isUppercase) || isTitlecase(scalar) { return false }
      if upper ? properties.isUppercase : properties.isLowercase { isCased = true }
    }
    return isCased
  }

  private static func isTitlecase(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .titlecaseLetter
  }

  static func isTitle(_ text: [UInt8]) -> Bool {
    var isInWord = false
    var isCased = false
    for scalar in scalars(text) {
      if scalar.properties.isUppercase || isTitlecase(scalar) {
        if isInWord { return false }
        isInWord = true
        isCased = true
      } else if scalar.properties.isLowercase {
        guard isInWord else { return false }
      } else {
        isInWord = false
      }
    }
    return isCased
  }

  static func isAlphabetic(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  static func isDecimal(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .decimalNumber
  }

  static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.numericType == .decimal || scalar.properties.numericType == .digit
  }

  static func isNumeric(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.numericType != nil }

  static func isIdentifier(_ text: [UInt8]) -> Bool {
    let scalars = scalars(text)
    guard let first = scalars.first else { return false }
    return (first == "_" || first.properties.isIDStart)
      && scalars.allSatisfy { $0 == "_" || $0.properties.isIDContinue }
  }

  /// Whether the text is not empty and all of its characters are of a kind.
  static func all(_ text: [UInt8], _ isOfKind: (Unicode.Scalar) -> Bool) -> Bool {
    !text.isEmpty && scalars(text).allSatisfy(isOfKind)
  }
}
