// Reads regular expressions in the syntax of Python's `re`; `PatternEscapes.swift` reads escapes and classes.
import Base

struct PatternParser {
  let source: [Unicode.Scalar]
  var at = 0
  private var depth = 0
  private(set) var groups = 0
  private(set) var names: [String: Int] = [:]
  var flags = Flags()

  struct Flags {
    var ignoresCase = false
    var dotTakesLineEnds = false
    var hasLines = false
    var isVerbose = false
  }

  static let deepest = 100

  init(_ source: String, ignoresCase: Bool) {
    self.source = Array(source.unicodeScalars)
    flags.ignoresCase = ignoresCase
  }

  mutating func whole() throws(PatternMistake) -> PatternNode {
    let node = try alternatives()
    guard at == source.count else { throw PatternMistake("unbalanced parenthesis at position \(at)") }
    return node
  }

  var next: Unicode.Scalar? { at < source.count ? source[at] : nil }

  mutating func take(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    guard source[at...].starts(with: scalars) else { return false }
    at += scalars.count
    return true
  }

  private mutating func alternatives() throws(PatternMistake) -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw PatternMistake("is nested too deeply") }
    var all = [try sequence()]
    while take("|") { all.append(try sequence()) }
    return all.count == 1 ? all[0] : .alternatives(all)
  }

  private mutating func sequence() throws(PatternMistake) -> PatternNode {
    var nodes: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      if flags.isVerbose, skipVerbose(scalar) { continue }
      guard let node = try item() else { continue }
      nodes.append(try repeated(node))
    }
    return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
  }

  private mutating func skipVerbose(_ scalar: Unicode.Scalar) -> Bool {
    if PythonText.isSpace(scalar.value) {
      at += 1
      return true
    }
    guard scalar == "#" else { return false }
    while let scalar = next, scalar != "\n" { at += 1 }
    return true
  }

  /// - Returns: nil for what matches nothing by itself, such as a comment.
  private mutating func item() throws(PatternMistake) -> PatternNode? {
    let scalar = source[at]
    switch scalar {
    case "(": return try group()
    case "[": return .set(try set())
    case ".":
      at += 1
      return .any(withLineEnds: flags.dotTakesLineEnds)
    case "^":
      at += 1
      return .assertion(flags.hasLines ? .lineStart : .textStart)
    case "$":
      at += 1
      return .assertion(flags.hasLines ? .lineEnd : .end)
    case "*", "+", "?": throw PatternMistake("nothing to repeat at position \(at)")
    case "\\": return try escape()
    default:
      at += 1
      return .character(scalar, ignoresCase: flags.ignoresCase)
    }
  }

  // MARK: - Repetition

  private mutating func repeated(_ node: PatternNode) throws(PatternMistake) -> PatternNode {
    if flags.isVerbose { while let scalar = next, skipVerbose(scalar) {} }
    guard let bounds = try bounds() else { return node }
    if case .assertion = node { throw PatternMistake("nothing to repeat at position \(at)") }
    let isGreedy = !take("?")
    let isPossessive = isGreedy && take("+")
    let result = PatternNode.repeated(node, least: bounds.least, most: bounds.most, isGreedy: isGreedy)
    let before = at
    guard try self.bounds() == nil else { throw PatternMistake("multiple repeat at position \(before)") }
    return isPossessive ? .atomic(result) : result
  }

  private mutating func bounds() throws(PatternMistake) -> (least: Int, most: Int?)? {
    switch next {
    case "*":
      at += 1
      return (0, nil)
    case "+":
      at += 1
      return (1, nil)
    case "?":
      at += 1
      return (0, 1)
    case "{":
      let start = at
      at += 1
      let least = number()
      var most = least
      if take(",") { most = number() }
      // Otherwise the brace is a letter.
      guard take("}"), least != nil || source[at - 2] == "," || most != nil else {
        at = start
        return nil
      }
      if let least, let most, least > most {
        throw PatternMistake("min repeat greater than max repeat at position \(start)")
      }
      return (least ?? 0, source[start..<at].contains(",") ? most : least)
    default: return nil
    }
  }

  mutating func number() -> Int? {
    let start = at
    while let scalar = next, ("0"..."9").contains(scalar), at - start < 9 { at += 1 }
    return Int(String(String.UnicodeScalarView(source[start..<at])))
  }

  // MARK: - Groups

  private mutating func group() throws(PatternMistake) -> PatternNode? {
    let start = at
    at += 1
    guard take("?") else {
      groups += 1
      let number = groups
      return .group(try inside(start), number: number)
    }
    if take(":") { return .group(try inside(start), number: nil) }
    if take("=") { return .look(try inside(start), isAhead: true, isNegated: false) }
    if take("!") { return .look(try inside(start), isAhead: true, isNegated: true) }
    if take("<=") { return try lookBehind(start, isNegated: false) }
    if take("<!") { return try lookBehind(start, isNegated: true) }
    if take(">") { return .atomic(try inside(start)) }
    if take("#") {
      while let scalar = next, scalar != ")" {
        _ = scalar
        at += 1
      }
      guard take(")") else { throw PatternMistake("missing ), unterminated comment") }
      return nil
    }
    if take("P<") {
      let name = try self.name(until: ">")
      groups += 1
      let number = groups
      guard names.updateValue(number, forKey: name) == nil else {
        throw PatternMistake("redefinition of group name '\(name)'")
      }
      return .group(try inside(start), number: number)
    }
    if take("P=") {
      let name = try self.name(until: ")")
      guard let number = names[name] else { throw PatternMistake("unknown group name '\(name)'") }
      return .reference(number, ignoresCase: flags.ignoresCase)
    }
    if next == "(" { throw PatternMistake("conditional groups are not built in") }
    return try flagged(start)
  }

  private mutating func inside(_ start: Int) throws(PatternMistake) -> PatternNode {
    let outer = flags
    let node = try alternatives()
    flags = outer
    guard take(")") else {
      throw PatternMistake("missing ), unterminated subpattern at position \(start)")
    }
    return node
  }

  private mutating func lookBehind(_ start: Int, isNegated: Bool) throws(PatternMistake) -> PatternNode {
    let node = try inside(start)
    guard node.width.least == node.width.most else {
      throw PatternMistake("look-behind requires fixed-width pattern")
    }
    return .look(node, isAhead: false, isNegated: isNegated)
  }

  private mutating func name(until end: Unicode.Scalar) throws(PatternMistake) -> String {
    let start = at
    while let scalar = next, scalar != end { at += 1 }
    guard next == end, at > start else { throw PatternMistake("missing group name at position \(start)") }
    at += 1
    return String(String.UnicodeScalarView(source[start..<at - 1]))
  }

  /// `(?i)` and `(?i:…)`.
  private mutating func flagged(_ start: Int) throws(PatternMistake) -> PatternNode? {
    var changed = flags
    var value = true
    while let scalar = next, scalar != ")", scalar != ":" {
      at += 1
      switch scalar {
      case "i": changed.ignoresCase = value
      case "s": changed.dotTakesLineEnds = value
      case "m": changed.hasLines = value
      case "x": changed.isVerbose = value
      case "u": break
      case "-" where value: value = false
      default: throw PatternMistake("unknown extension ?\(scalar) at position \(start)")
      }
    }
    if take(")") {
      guard start == 0, value else {
        throw PatternMistake("global flags not at the start of the expression at position \(start)")
      }
      flags = changed
      return nil
    }
    guard take(":") else { throw PatternMistake("missing -, : or ) at position \(at)") }
    let outer = flags
    flags = changed
    let node = try inside(start)
    flags = outer
    return .group(node, number: nil)
  }
}
