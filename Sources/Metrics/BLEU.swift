// BLEU of a whole set of texts (Papineni et al. 2002), as sacreBLEU computes it: four n-grams, tokens of mteval-v13a by
// default, exponential smoothing.
import Foundation

package struct BLEU {
  private static let longest = 4
  private var right = [Int](repeating: 0, count: longest)
  private var given = [Int](repeating: 0, count: longest)
  private var length = 0
  private var wantedLength = 0
  private let tokenization: Tokenization

  /// How texts are cut, as sacreBLEU names it.
  package enum Tokenization: Sendable {
    /// `13a`
    case mteval
    /// `intl`, of mteval-v14
    case international
  }

  package init(_ tokenization: Tokenization = .mteval) { self.tokenization = tokenization }

  package mutating func count(_ text: String, reference: String) {
    let (tokens, wanted) = (cut(text), cut(reference))
    length += tokens.count
    wantedLength += wanted.count
    for n in 1...Self.longest {
      let grams = NGrams(tokens, n)
      right[n - 1] += grams.matches(NGrams(wanted, n))
      given[n - 1] += grams.total
    }
  }

  /// 0...100
  package var score: Double {
    guard right.contains(where: { $0 > 0 }) else { return 0 }
    var smoothing = 1.0
    var logs = 0.0
    for (right, given) in zip(right, given) {
      guard given > 0 else { return 0 }
      if right == 0 { smoothing *= 2 }
      logs += log(right == 0 ? 100 / (smoothing * Double(given)) : 100 * Double(right) / Double(given))
    }
    let penalty = length < wantedLength ? exp(1 - Double(wantedLength) / Double(length)) : 1
    return penalty * exp(logs / Double(Self.longest))
  }

  private func cut(_ text: String) -> [String] {
    tokenization == .mteval ? Self.tokens(text) : Self.internationalTokens(text)
  }

  /// Punctuation stands alone, but not between digits; symbols do everywhere.
  static func internationalTokens(_ text: String) -> [String] {
    var scalars = Array(text.unicodeScalars)
    func isOf(_ kind: Character, _ scalar: Unicode.Scalar) -> Bool {
      switch scalar.properties.generalCategory {
      case .decimalNumber, .letterNumber, .otherNumber: kind == "N"
      case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
        .finalPunctuation, .otherPunctuation:
        kind == "P"
      case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: kind == "S"
      default: false
      }
    }
    scalars = pairs(scalars, where: { !isOf("N", $0) && isOf("P", $1) }, become: { [$0, " ", $1, " "] })
    scalars = pairs(scalars, where: { isOf("P", $0) && !isOf("N", $1) }, become: { [" ", $0, " ", $1] })
    scalars = scalars.flatMap { isOf("S", $0) ? [" ", $0, " "] : [$0] }
    return scalars.split { $0.properties.isWhitespace }.map { String(String.UnicodeScalarView($0)) }
  }

  /// The tokens of mteval-v13a.
  static func tokens(_ text: String) -> [String] {
    var line = text.replacingOccurrences(of: "<skipped>", with: "").replacingOccurrences(of: "-\n", with: "")
    line = line.replacingOccurrences(of: "\n", with: " ")
    for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
      line = line.replacingOccurrences(of: entity, with: character)
    }
    var scalars = Array(" \(line) ".unicodeScalars)
    scalars = scalars.flatMap { isSymbol($0) ? [" ", $0, " "] : [$0] }
    scalars = pairs(scalars, where: { !isDigit($0) && isStop($1) }, become: { [$0, " ", $1, " "] })
    scalars = pairs(scalars, where: { isStop($0) && !isDigit($1) }, become: { [" ", $0, " ", $1] })
    scalars = pairs(scalars, where: { isDigit($0) && $1 == "-" }, become: { [$0, " ", $1, " "] })
    return scalars.split { $0.properties.isWhitespace }.map { String(String.UnicodeScalarView($0)) }
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
  private static func isStop(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }

  /// The symbols that stand alone: ASCII punctuation, and the space, but ' , - and . are not among them.
  private static func isSymbol(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "{"..."~", "["..."`", " "..."&", "("..."+", ":"..."@", "/": true
    default: false
    }
  }

  /// Replaces pairs of neighbours that fit, from left to right, as a regular expression does.
  private static func pairs(
    _ scalars: [Unicode.Scalar], where fits: (Unicode.Scalar, Unicode.Scalar) -> Bool,
    become replacement: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    var place = 0
    while place < scalars.count {
      if place + 1 < scalars.count, fits(scalars[place], scalars[place + 1]) {
        result += replacement(scalars[place], scalars[place + 1])
        place += 2
      } else {
        result.append(scalars[place])
        place += 1
      }
    }
    return result
  }
}
