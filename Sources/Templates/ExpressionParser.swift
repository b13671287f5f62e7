// Reads expressions, with Jinja's precedence.

extension Parser {
  mutating func expression(withConditional: Bool = true) throws(TemplateError) -> Expression {
    try nested { (parser) throws(TemplateError) in
      try withConditional ? parser.conditional() : parser.or()
    }
  }

  private mutating func conditional() throws(TemplateError) -> Expression {
    let start = line
    var value = try or()
    while take(name: "if") {
      let test = try or()
      let otherwise =
        take(name: "else") ? try nested { (parser) throws(TemplateError) in try parser.conditional() } : nil
      value = try Expression(.conditional(test: test, then: value, otherwise: otherwise), line: start)
    }
    return value
  }

  private mutating func or() throws(TemplateError) -> Expression {
    let start = line
    var left = try and()
    while take(name: "or") { left = try Expression(.or(left, try and()), line: start) }
    return left
  }

  private mutating func and() throws(TemplateError) -> Expression {
    let start = line
    var left = try not()
    while take(name: "and") { left = try Expression(.and(left, try not()), line: start) }
    return left
  }

  private mutating func not() throws(TemplateError) -> Expression {
    let start = line
    guard take(name: "not") else { return try comparison() }
    let value = try nested { (parser) throws(TemplateError) in try parser.not() }
    return try Expression(.not(value), line: start)
  }

  private mutating func comparison() throws(TemplateError) -> Expression {
    let start = line
    let first = try sum()
    var rest: [(operation: Comparison, value: Expression)] = []
    while let operation = takeComparison() { rest.append((operation, try sum())) }
    return rest.isEmpty ? first : try Expression(.comparison(first, rest), line: start)
  }

  private mutating func takeComparison() -> Comparison? {
    switch token {
    case .sign(let sign):
      let operation: Comparison
      switch sign {
      case .equal: operation = .equal
      case .notEqual: operation = .notEqual
      case .less: operation = .order(.less)
      case .lessOrEqual: operation = .order(.lessOrEqual)
      case .greater: operation = .order(.greater)
      case .greaterOrEqual: operation = .order(.greaterOrEqual)
      default: return nil
      }
      skip()
      return operation
    case .name("in"):
      skip()
      return .isIn
    case .name("not") where following == .name("in"):
      skip(2)
      return .isNotIn
    default: return nil
    }
  }

  private mutating func sum() throws(TemplateError) -> Expression {
    let start = line
    var left = try concatenation()
    while isSign(.add) || isSign(.subtract) {
      let operation: Arithmetic = isSign(.add) ? .add : .subtract
      skip()
      left = try Expression(.arithmetic(operation, left, try concatenation()), line: start)
    }
    return left
  }

  private mutating func concatenation() throws(TemplateError) -> Expression {
    let start = line
    var parts = [try product()]
    while take(.tilde) { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : try Expression(.concatenation(parts), line: start)
  }

  private mutating func product() throws(TemplateError) -> Expression {
    let start = line
    var left = try power()
    while case .sign(let sign) = token, let operation = Arithmetic(rawValue: sign.rawValue),
      operation != .add, operation != .subtract, operation != .power
    {
      skip()
      left = try Expression(.arithmetic(operation, left, try power()), line: start)
    }
    return left
  }

  private mutating func power() throws(TemplateError) -> Expression {
    let start = line
    var left = try unary()
    while take(.power) { left = try Expression(.arithmetic(.power, left, try unary()), line: start) }
    return left
  }

  private mutating func unary(withFilters: Bool = true) throws(TemplateError) -> Expression {
    let start = line
    var value: Expression
    if take(.subtract) {
      let inner = try nested { (parser) throws(TemplateError) in try parser.unary(withFilters: false) }
      value = try Expression(.negative(inner), line: start)
    } else if take(.add) {
      let inner = try nested { (parser) throws(TemplateError) in try parser.unary(withFilters: false) }
      value = try Expression(.positive(inner), line: start)
    } else {
      value = try primary()
    }
    value = try postfixes(value)
    return withFilters ? try filtersAndTests(value) : value
  }

  mutating func primary(takesNamespaces: Bool = false) throws(TemplateError) -> Expression {
    let start = line
    switch token {
    case .name(let name):
      skip()
      switch name {
      case "true", "True": return try Expression(.constant(.bool(true)), line: start)
      case "false", "False": return try Expression(.constant(.bool(false)), line: start)
      case "none", "None": return try Expression(.constant(.none), line: start)
      default:
        if takesNamespaces, take(.dot) {
          return try Expression(.namespaceTarget(name, try expectName()), line: start)
        }
        return try Expression(.name(name), line: start)
      }
    case .string(var text):
      skip()
      while case .string(let more) = token {
        text += more
        skip()
      }
      return try Expression(.constant(.string(text)), line: start)
    case .integer(let value):
      skip()
      return try Expression(.constant(.integer(value)), line: start)
    case .float(let value):
      skip()
      return try Expression(.constant(.float(value)), line: start)
    case .sign(.leftParenthesis):
      skip()
      let value = try tuple(isInParentheses: true)
      try expect(.sign(.rightParenthesis))
      return value
    case .sign(.leftBracket): return try list()
    case .sign(.leftBrace): return try dict()
    default: throw failure("unexpected '\(token.words)'")
    }
  }

  /// Reads one expression, or several with commas as a tuple.
  /// - Parameters:
  ///   - isSimple: takes names and literals only, as targets of assignments are.
  mutating func tuple(
    isSimple: Bool = false, withConditional: Bool = true, isInParentheses: Bool = false,
    takesNamespaces: Bool = false
  ) throws(TemplateError) -> Expression {
    let start = line
    var parts: [Expression] = []
    var isTuple = false
    while true {
      if !parts.isEmpty { try expect(.sign(.comma)) }
      if token == .variableEnd || token == .blockEnd || isSign(.rightParenthesis) { break }
      parts.append(
        isSimple
          ? try nested { (parser) throws(TemplateError) in
            try parser.primary(takesNamespaces: takesNamespaces)
          }
          : try expression(withConditional: withConditional))
      guard isSign(.comma) else { break }
      isTuple = true
    }
    if !isTuple {
      if let only = parts.first { return only }
      guard isInParentheses else { throw failure("Expected an expression, got '\(token.words)'") }
    }
    return try Expression(.tuple(parts), line: start)
  }

  private mutating func list() throws(TemplateError) -> Expression {
    let start = line
    skip()
    var parts: [Expression] = []
    while !isSign(.rightBracket) {
      if !parts.isEmpty { try expect(.sign(.comma)) }
      if isSign(.rightBracket) { break }
      parts.append(try expression())
    }
    skip()
    return try Expression(.list(parts), line: start)
  }

  private mutating func dict() throws(TemplateError) -> Expression {
    let start = line
    skip()
    var pairs: [(key: Expression, value: Expression)] = []
    while !isSign(.rightBrace) {
      if !pairs.isEmpty { try expect(.sign(.comma)) }
      if isSign(.rightBrace) { break }
      let key = try expression()
      try expect(.sign(.colon))
      pairs.append((key, try expression()))
    }
    skip()
    return try Expression(.dict(pairs), line: start)
  }
}
