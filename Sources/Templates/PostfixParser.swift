// Reads what stands behind a value: attributes, elements, calls, filters and tests.

extension Parser {
  mutating func postfixes(_ value: Expression) throws(TemplateError) -> Expression {
    var value = value
    while true {
      let start = line
      if take(.dot) {
        switch token {
        case .name(let name): value = try Expression(.attribute(value, name), line: start)
        case .integer(let place):
          let key = try Expression(.constant(.integer(place)), line: start)
          value = try Expression(.item(value, key), line: start)
        default: throw failure("expected name or number")
        }
        skip()
      } else if take(.leftBracket) {
        value = try Expression(.item(value, try subscripts()), line: start)
      } else if isSign(.leftParenthesis) {
        value = try Expression(.call(value, try callArguments()), line: start)
      } else {
        return value
      }
    }
  }

  private mutating func subscripts() throws(TemplateError) -> Expression {
    let start = line
    var keys: [Expression] = []
    while !isSign(.rightBracket) {
      if !keys.isEmpty { try expect(.sign(.comma)) }
      keys.append(try key())
    }
    skip()
    return keys.count == 1 ? keys[0] : try Expression(.tuple(keys), line: start)
  }

  /// One key in brackets, or a slice.
  private mutating func key() throws(TemplateError) -> Expression {
    let start = line
    var bounds: [Expression?] = []
    if !take(.colon) {
      let first = try expression()
      guard take(.colon) else { return first }
      bounds = [first]
    } else {
      bounds = [nil]
    }
    let endsHere = isSign(.rightBracket) || isSign(.comma) || isSign(.colon)
    bounds.append(endsHere ? nil : try expression())
    if take(.colon), !isSign(.rightBracket), !isSign(.comma) {
      bounds.append(try expression())
    } else {
      bounds.append(nil)
    }
    return try Expression(.slice(bounds[0], bounds[1], bounds[2]), line: start)
  }

  private mutating func callArguments() throws(TemplateError) -> CallArguments {
    var arguments = CallArguments()
    let start = line
    func check(_ holds: Bool) throws(TemplateError) {
      guard holds else { throw failure("invalid syntax for function call expression", line: start) }
    }
    try expect(.sign(.leftParenthesis))
    var isFirst = true
    while !isSign(.rightParenthesis) {
      if !isFirst {
        try expect(.sign(.comma))
        if isSign(.rightParenthesis) { break }
      }
      isFirst = false
      if take(.multiply) {
        try check(arguments.list == nil && arguments.dict == nil)
        arguments.list = try expression()
      } else if take(.power) {
        try check(arguments.dict == nil)
        arguments.dict = try expression()
      } else if case .name(let name) = token, following == .sign(.assign) {
        try check(arguments.dict == nil)
        try check(!arguments.named.contains { $0.name == name })
        skip(2)
        arguments.named.append((name, try expression()))
      } else {
        try check(arguments.list == nil && arguments.dict == nil && arguments.named.isEmpty)
        arguments.positional.append(try expression())
      }
    }
    skip()
    return arguments
  }

  mutating func filtersAndTests(_ value: Expression) throws(TemplateError) -> Expression {
    var value = value
    while true {
      if isSign(.pipe) {
        value = try filters(value)!
      } else if isName("is") {
        value = try test(value)
      } else if isSign(.leftParenthesis) {
        let start = line
        value = try Expression(.call(value, try callArguments()), line: start)
      } else {
        return value
      }
    }
  }

  /// - Returns: nil if there is neither a value nor a filter.
  mutating func filters(_ value: Expression?, startsInline: Bool = false) throws(TemplateError) -> Expression?
  {
    var value = value
    var startsInline = startsInline
    while startsInline || isSign(.pipe) {
      if !startsInline { skip() }
      startsInline = false
      let start = line
      let name = try dottedName()
      let arguments = isSign(.leftParenthesis) ? try callArguments() : CallArguments()
      value = try Expression(.filter(value, name, arguments), line: start)
    }
    return value
  }

  private mutating func dottedName() throws(TemplateError) -> String {
    var name = try expectName()
    while take(.dot) { name += "." + (try expectName()) }
    return name
  }

  private mutating func test(_ value: Expression) throws(TemplateError) -> Expression {
    let start = line
    skip()
    let isNegated = take(name: "not")
    let name = try dottedName()
    var arguments = CallArguments()
    if isSign(.leftParenthesis) {
      arguments = try callArguments()
    } else if startsArgument {
      if isName("is") { throw failure("You cannot chain multiple tests with is") }
      arguments.positional = [
        try postfixes(try nested { (parser) throws(TemplateError) in try parser.primary() })
      ]
    }
    let test = try Expression(.test(value, name, arguments), line: start)
    return isNegated ? try Expression(.not(test), line: start) : test
  }

  private var startsArgument: Bool {
    switch token {
    case .name(let name): !["else", "or", "and"].contains(name)
    case .string, .integer, .float, .sign(.leftBracket), .sign(.leftBrace): true
    default: false
    }
  }
}
