// What a regular expression consists of.
import Base

/// Why a text is no regular expression, or takes too long to match.
package struct PatternMistake: Error, Equatable, CustomStringConvertible {
  package var what: String
  init(_ what: String) { self.what = what }
  package var description: String { what.printable(300) }
}

indirect enum PatternNode {
  case empty
  case character(Unicode.Scalar, ignoresCase: Bool)
  case any(withLineEnds: Bool)
  case set(PatternSet)
  case assertion(PatternAssertion)
  case group(PatternNode, number: Int?)
  case sequence([PatternNode])
  case alternatives([PatternNode])
  case repeated(PatternNode, least: Int, most: Int?, isGreedy: Bool)
  /// What a group has matched, once more.
  case reference(Int, ignoresCase: Bool)
  case look(PatternNode, isAhead: Bool, isNegated: Bool)
  /// Once it has matched, it is not matched in another way.
  case atomic(PatternNode)

  /// How many characters it matches, the fewest and the most; nil for no limit.
  var width: (least: Int, most: Int?) {
    switch self {
    case .empty, .assertion, .look: (0, 0)
    case .character, .any, .set: (1, 1)
    case .group(let node, _), .atomic(let node): node.width
    case .sequence(let nodes):
      nodes.reduce((0, 0)) { sum, node in
        let width = node.width
        return (sum.0 + width.least, sum.1.flatMap { own in width.most.map { own + $0 } })
      }
    case .alternatives(let nodes):
      (
        nodes.map(\.width.least).min() ?? 0,
        nodes.reduce(0 as Int?) { most, node in most.flatMap { own in node.width.most.map { max(own, $0) } } }
      )
    case .repeated(let node, let least, let most, _):
      (node.width.least * least, most.flatMap { times in node.width.most.map { $0 * times } })
    case .reference: (0, nil)
    }
  }
}

enum PatternAssertion {
  case lineStart
  case lineEnd
  case textStart
  /// Also before a line feed that ends the text.
  case end
  case textEnd
  case wordEdge(Bool)
}

/// A class of characters.
struct PatternSet {
  enum Part {
    case range(ClosedRange<UInt32>)
    case digits(Bool)
    case words(Bool)
    case spaces(Bool)
  }

  var parts: [Part] = []
  var isNegated = false
  var ignoresCase = false

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    var found = has(scalar)
    if !found, ignoresCase {
      found = has(PatternSet.lowered(scalar)) || has(PatternSet.raised(scalar))
    }
    return found != isNegated
  }

  private func has(_ scalar: Unicode.Scalar) -> Bool {
    parts.contains { part in
      switch part {
      case .range(let range): range.contains(scalar.value)
      case .digits(let isMeant): (scalar.properties.generalCategory == .decimalNumber) == isMeant
      case .words(let isMeant): PatternSet.isWord(scalar) == isMeant
      case .spaces(let isMeant): PythonText.isSpace(scalar.value) == isMeant
      }
    }
  }

  static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII {
      return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
        || scalar == "_"
    }
    return PythonText.isAlphabetic(scalar) || PythonText.isNumeric(scalar)
  }

  /// The lower case of a character, where that is one character.
  static func lowered(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    let mapped = scalar.properties.lowercaseMapping.unicodeScalars
    return mapped.count == 1 ? mapped.first! : scalar
  }

  static func raised(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    let mapped = scalar.properties.uppercaseMapping.unicodeScalars
    return mapped.count == 1 ? mapped.first! : scalar
  }
}
