// Reads the tokens of a template as statements; `ExpressionParser.swift` reads expressions.
import Base

struct Parser {
  private let tokens: [PlacedToken]
  private var place = 0
  /// How many statements and expressions are open.
  private var depth = 0
  /// The tags that are open, for messages.
  private var openTags: [String] = []

  static let deepest = 100

  init(_ source: [UInt8], _ style: TemplateStyle) throws(TemplateError) {
    tokens = try Lexer.tokens(source, style)
  }

  // MARK: - Tokens

  var token: Token { tokens[place].token }
  var line: Int { tokens[place].line }
  var following: Token { place + 1 < tokens.count ? tokens[place + 1].token : .end }

  mutating func skip(_ count: Int = 1) { place = min(place + count, tokens.count - 1) }

  func failure(_ message: String, line: Int? = nil) -> TemplateError {
    TemplateError(message, line: line ?? self.line)
  }

  func isSign(_ sign: Token.Sign) -> Bool { token == .sign(sign) }
  func isName(_ name: String) -> Bool { token == .name(name) }

  mutating func take(_ sign: Token.Sign) -> Bool {
    guard isSign(sign) else { return false }
    skip()
    return true
  }

  mutating func take(name: String) -> Bool {
    guard isName(name) else { return false }
    skip()
    return true
  }

  mutating func expect(_ expected: Token) throws(TemplateError) {
    guard token == expected else {
      throw failure("expected token '\(expected.words)', got '\(token.words)'")
    }
    skip()
  }

  mutating func expectName() throws(TemplateError) -> String {
    guard case .name(let name) = token else {
      throw failure("expected token 'name', got '\(token.words)'")
    }
    skip()
    return name
  }

  /// Reads what may lie in itself.
  mutating func nested<R>(_ read: (inout Parser) throws(TemplateError) -> R) throws(TemplateError) -> R {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else {
      throw failure("statements or expressions are nested more than \(Self.deepest) levels deep")
    }
    return try read(&self)
  }

  // MARK: - Statements

  mutating func template() throws(TemplateError) -> [Statement] { try statements(until: []) }

  /// Reads statements up to a tag of one of these names, whose name is the next token then.
  private mutating func statements(until ends: [String]) throws(TemplateError) -> [Statement] {
    var body: [Statement] = []
    var parts: [Statement.Part] = []
    var partsLine = line
    func flushed() -> [Statement] { parts.isEmpty ? [] : [Statement(kind: .output(parts), line: partsLine)] }
    while true {
      switch token {
      case .data(let text):
        if parts.isEmpty { partsLine = line }
        parts.append(.text(text))
        skip()
      case .variableBegin:
        if parts.isEmpty { partsLine = line }
        skip()
        parts.append(.value(try tuple()))
        try expect(.variableEnd)
      case .blockBegin:
        body += flushed()
        parts = []
        skip()
        if case .name(let name) = token, ends.contains(name) { return body }
        body.append(try nested { (parser) throws(TemplateError) in try parser.statement() })
        try expect(.blockEnd)
      case .end:
        guard ends.isEmpty else {
          throw failure(
            "Unexpected end of template. Jinja was looking for the following tags: "
              + ends.map { "'\($0)'" }.joined(separator: " or ") + "."
              + (openTags.last.map { " The innermost block that needs to be closed is '\($0)'." } ?? ""))
        }
        return body + flushed()
      default: throw failure("unexpected '\(token.words)'")
      }
    }
  }

  /// Reads the end of a tag and the statements up to one of these names.
  private mutating func body(until ends: String...) throws(TemplateError) -> [Statement] {
    _ = take(.colon)
    try expect(.blockEnd)
    return try statements(until: ends)
  }

  private mutating func statement() throws(TemplateError) -> Statement {
    let start = line
    guard case .name(let tag) = token else { throw failure("tag name expected") }
    openTags.append(tag)
    skip()
    let kind: Statement.Kind
    switch tag {
    case "set": kind = try assignment()
    case "for": kind = .loop(try loop())
    case "if": kind = try condition()
    case "with": kind = try with()
    case "macro":
      let name = try expectName()
      let parameters = try self.parameters()
      kind = .macro(name, parameters, try body(until: "endmacro"))
      skip()
    case "call":
      let parameters = isSign(.leftParenthesis) ? try self.parameters() : Parameters()
      let call = try expression()
      guard case .call = call.kind else { throw failure("expected call", line: start) }
      kind = .call(call, parameters, try body(until: "endcall"))
      skip()
    case "filter":
      let filter = try filters(nil, startsInline: true)!
      kind = .filter(filter, try body(until: "endfilter"))
      skip()
    case "print":
      var parts: [Statement.Part] = []
      while token != .blockEnd {
        if !parts.isEmpty { try expect(.sign(.comma)) }
        parts.append(.value(try expression()))
      }
      kind = .output(parts)
    case "block":
      let name = try expectName()
      _ = take(name: "scoped")
      kind = .block(try body(until: "endblock"))
      skip()
      _ = take(name: name)
    case "generation":
      kind = .generation(try body(until: "endgeneration"))
      skip()
    case "break": kind = .breakLoop
    case "continue": kind = .continueLoop
    case "include", "import", "from", "extends":
      throw failure("{% \(tag) %} is not built in: a chat template is one file", line: start)
    case "autoescape":
      throw failure("{% autoescape %} is not built in: chats are no HTML", line: start)
    default:
      throw failure("Encountered unknown tag '\(tag)'.", line: start)
    }
    openTags.removeLast()
    return Statement(kind: kind, line: start)
  }

  private mutating func assignment() throws(TemplateError) -> Statement.Kind {
    let target = try self.target(takesNamespaces: true)
    if take(.assign) { return .assign(target, try tuple()) }
    let filter = try filters(nil)
    let block = Statement.Kind.assignBlock(target, filter: filter, try body(until: "endset"))
    skip()
    return block
  }

  private mutating func loop() throws(TemplateError) -> Statement.Loop {
    let target = try self.target()
    try expect(.name("in"))
    let values = try tuple(withConditional: false)
    let test = take(name: "if") ? try expression() : nil
    let isRecursive = take(name: "recursive")
    let body = try body(until: "endfor", "else")
    var otherwise: [Statement] = []
    if take(name: "else") { otherwise = try self.body(until: "endfor") }
    skip()
    return Statement.Loop(
      target: target, values: values, test: test, isRecursive: isRecursive, body: body, otherwise: otherwise)
  }

  private mutating func condition() throws(TemplateError) -> Statement.Kind {
    var branches: [(test: Expression, body: [Statement])] = []
    var otherwise: [Statement] = []
    repeat {
      let test = try tuple(withConditional: false)
      branches.append((test, try body(until: "elif", "else", "endif")))
    } while take(name: "elif")
    if take(name: "else") { otherwise = try body(until: "endif") }
    skip()
    return .condition(branches, otherwise: otherwise)
  }

  private mutating func with() throws(TemplateError) -> Statement.Kind {
    var pairs: [(target: Target, value: Expression)] = []
    while token != .blockEnd {
      if !pairs.isEmpty { try expect(.sign(.comma)) }
      let target = try self.target()
      try expect(.sign(.assign))
      pairs.append((target, try expression()))
    }
    let with = Statement.Kind.with(pairs, try body(until: "endwith"))
    skip()
    return with
  }

  private mutating func parameters() throws(TemplateError) -> Parameters {
    var parameters = Parameters()
    try expect(.sign(.leftParenthesis))
    while !isSign(.rightParenthesis) {
      if !parameters.names.isEmpty { try expect(.sign(.comma)) }
      let name = try expectName()
      guard !parameters.names.contains(name) else { throw failure("the parameter '\(name)' stands twice") }
      try check(name)
      if take(.assign) {
        parameters.defaults.append(try expression())
      } else if !parameters.defaults.isEmpty {
        throw failure("non-default argument follows default argument")
      }
      parameters.names.append(name)
    }
    skip()
    return parameters
  }

  private static let constants: Set = ["true", "false", "none", "True", "False", "None"]

  private func check(_ name: String) throws(TemplateError) {
    guard !Self.constants.contains(name) else { throw failure("can't assign to 'const'") }
  }

  private mutating func target(takesNamespaces: Bool = false) throws(TemplateError) -> Target {
    let start = line
    let expression = try tuple(isSimple: true, takesNamespaces: takesNamespaces)
    return try target(expression, line: start)
  }

  private func target(_ expression: Expression, line: Int) throws(TemplateError) -> Target {
    switch expression.kind {
    case .name(let name): return .name(name)
    case .namespaceTarget(let name, let attribute): return .attribute(of: name, attribute)
    case .tuple(let parts):
      var targets: [Target] = []
      for part in parts { targets.append(try target(part, line: line)) }
      return .tuple(targets)
    default: throw failure("can't assign to this expression", line: line)
    }
  }
}
