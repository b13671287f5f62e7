// Makes a parsed template ready to run.

/// What a part of a template is compiled in: its names, and what is allowed in it.
struct CompilerScope {
  let symbols: Symbols
  var function: FunctionScope { symbols.function }
  /// Whether what is set here is seen in blocks.
  var isTop = false
  var isInLoop = false
  /// Whether a filter that does not exist is a mistake only where it is reached: in the branches of a condition.
  var isSoft = false

  func inner() -> CompilerScope {
    CompilerScope(symbols: Symbols(parent: symbols, function: function), isInLoop: isInLoop)
  }

  /// A scope that is run as a function of its own.
  func innerFunction() -> CompilerScope {
    CompilerScope(symbols: Symbols(parent: symbols, function: FunctionScope(parent: function)))
  }

  func soft() -> CompilerScope {
    var scope = self
    scope.isSoft = true
    return scope
  }

  func slot(of name: String) -> Int { place(of: name).slot }

  func place(of name: String) -> VariablePlace {
    if symbols.find(name) == nil { symbols.load(name) }
    return symbols.place(of: symbols.find(name)!, from: function)
  }
}

/// Compiles statements in `StatementCompiler.swift`, and expressions in `ExpressionCompiler.swift`.
struct Compiler {
  private var names: [String] = []
  private var places: [String: Int] = [:]
  let style: TemplateStyle
  var marksGeneration = false

  private init(style: TemplateStyle) { self.style = style }

  static func compile(_ source: [UInt8], _ style: TemplateStyle) throws(TemplateError) -> Program {
    var parser = try Parser(source, style)
    let statements = try parser.template()
    var compiler = Compiler(style: style)
    return try compiler.program(statements)
  }

  private mutating func program(_ statements: [Statement]) throws(TemplateError) -> Program {
    let symbols = Symbols(parent: nil, function: FunctionScope(parent: nil))
    symbols.visit(statements)
    let scope = CompilerScope(symbols: symbols, isTop: true)
    let body = try self.body(statements, scope)
    let entry = self.entry(scope)
    return Program(
      body: body, entry: entry, slots: scope.function.count, names: names, marksGeneration: marksGeneration)
  }

  /// The number of a name among those that a template looks up.
  private mutating func number(of name: String) -> Int {
    if let number = places[name] { return number }
    places[name] = names.count
    names.append(name)
    return names.count - 1
  }

  /// How a scope's variables begin; found once all of its code is compiled.
  mutating func entry(_ scope: CompilerScope) -> ScopeEntry {
    var entry = ScopeEntry()
    for (variable, value) in scope.symbols.initial.sorted(by: { $0.key < $1.key }) {
      let slot = scope.function.slot(of: variable)
      switch value {
      case .parameter: break
      case .resolved(let name): entry.steps.append(.resolve(name: number(of: name), slot: slot))
      case .alias(let outer):
        entry.steps.append(.copy(scope.symbols.place(of: outer, from: scope.function), slot: slot))
      case .missing: entry.steps.append(.clear(slot: slot))
      }
    }
    return entry
  }

  /// How many levels of nodes lie in each other in statements.
  static func levels(_ statements: [Statement]) -> Int {
    var deepest = 0
    for statement in statements { deepest = max(deepest, levels(statement.kind)) }
    return deepest + 1
  }

  private static func levels(_ kind: Statement.Kind) -> Int {
    switch kind {
    case .output(let parts):
      parts.reduce(1) { if case .value(let expression) = $1 { max($0, expression.depth) } else { $0 } }
    case .assign(_, let value): value.depth
    case .assignBlock(_, let filter, let body): max(filter?.depth ?? 0, levels(body) + 1)
    case .loop(let loop):
      max(
        loop.values.depth, loop.test?.depth ?? 0, loop.isRecursive ? 1 : levels(loop.body) + 2,
        levels(loop.otherwise))
    case .condition(let branches, let otherwise):
      branches.reduce(levels(otherwise)) { max($0, $1.test.depth, levels($1.body)) }
    case .call(let call, _, _): call.depth
    case .filter(let filter, let body): max(filter.depth, levels(body) + 1)
    case .with(let pairs, let body): pairs.reduce(levels(body)) { max($0, $1.value.depth) }
    case .block(let body): levels(body)
    case .macro, .generation, .breakLoop, .continueLoop: 1
    }
  }
}
