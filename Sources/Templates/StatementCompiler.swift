// Compiles statements.

extension Compiler {
  mutating func body(_ statements: [Statement], _ scope: CompilerScope) throws(TemplateError) -> Body {
    var body = Body()
    for statement in statements { body.actions.append(try action(statement, scope)) }
    return body
  }

  private mutating func action(_ statement: Statement, _ scope: CompilerScope) throws(TemplateError) -> Action
  {
    let line = statement.line
    switch statement.kind {
    case .output(let parts):
      var codes: [Output.Part] = []
      var weight = 1
      for part in parts {
        switch part {
        case .text(let text): codes.append(.text(text))
        case .value(let expression):
          codes.append(.value(try code(expression, scope), line: expression.line))
          weight += Self.weight(expression)
        }
      }
      return Output(codes, line: line, weight: weight + codes.count)
    case .assign(let target, let value):
      return Assignment(
        destination(target, scope), try code(value, scope), exports: scope.isTop, line: line,
        weight: 1 + Self.weight(value))
    case .assignBlock(let target, let filter, let statements):
      let inner = scope.inner()
      inner.symbols.visit(statements)
      return try blockValue(destination(target, scope), filter, statements, scope, inner, line: line)
    case .filter(let filter, let statements):
      let inner = scope.inner()
      inner.symbols.visit(statements)
      inner.symbols.load(filter)
      return try blockValue(nil, filter, statements, scope, inner, line: line)
    case .loop(let loop): return try self.loop(loop, scope, line: line)
    case .condition(let branches, let otherwise):
      let soft = scope.soft()
      var codes: [(test: Code, body: Body)] = []
      var weight = 1
      for branch in branches {
        codes.append((try code(branch.test, soft), try body(branch.body, soft)))
        weight += Self.weight(branch.test)
      }
      return Condition(codes, otherwise: try body(otherwise, soft), line: line, weight: weight)
    case .macro(let name, let parameters, let statements):
      let macro = try self.macro(name, parameters, statements, scope, line: line)
      return MacroAction(macro, slot: scope.slot(of: name), exports: scope.isTop, line: line, weight: 4)
    case .call(let call, let parameters, let statements):
      guard case .call(let callee, let arguments) = call.kind else {
        throw TemplateError("expected call", line: line)
      }
      let caller = try macro("caller", parameters, statements, scope, line: line)
      return CallBlock(
        try callCode(callee, arguments, scope), caller: caller, line: line, weight: 4 + Self.weight(call))
    case .with(let pairs, let statements):
      let inner = scope.inner()
      for pair in pairs { inner.symbols.declare(pair.target) }
      inner.symbols.visit(statements)
      var codes: [(target: Destination, value: Code)] = []
      for pair in pairs { codes.append((destination(pair.target, inner), try code(pair.value, scope))) }
      let body = try self.body(statements, inner)
      return With(
        codes, entry: entry(inner), body: body, line: line,
        weight: pairs.reduce(1) { $0 + Self.weight($1.value) })
    case .block(let statements):
      let inner = CompilerScope(symbols: Symbols(parent: nil, function: FunctionScope(parent: nil)))
      inner.symbols.visit(statements)
      let body = try self.body(statements, inner)
      let entry = self.entry(inner)
      return Block(slots: inner.function.count, entry: entry, body: body, line: line, weight: 4)
    case .generation(let statements):
      marksGeneration = true
      return Generation(
        try macro("caller", Parameters(), statements, scope, line: line), line: line, weight: 4)
    case .breakLoop, .continueLoop:
      let isBreak = if case .breakLoop = statement.kind { true } else { false }
      guard scope.isInLoop else {
        throw TemplateError(isBreak ? "'break' outside loop" : "'continue' not properly in loop", line: line)
      }
      return LoopControl(isBreak ? .breakLoop : .continueLoop, line: line)
    }
  }

  private func destination(_ target: Target, _ scope: CompilerScope) -> Destination {
    switch target {
    case .name(let name): .variable(slot: scope.slot(of: name), name: name)
    case .tuple(let parts): .several(parts.map { destination($0, scope) })
    case .attribute(let name, let attribute): .attribute(of: self.name(name, scope), attribute)
    }
  }

  private mutating func blockValue(
    _ destination: Destination?, _ filter: Expression?, _ statements: [Statement], _ scope: CompilerScope,
    _ inner: CompilerScope, line: Int
  ) throws(TemplateError) -> Action {
    let body = try self.body(statements, inner)
    let text = BlockText(slot: scope.function.slot(of: "text \(scope.function.count)"))
    let value =
      try filter.map { (filter) throws(TemplateError) in try blockFilter(filter, of: text, inner) } ?? text
    return BlockValue(
      destination, exports: scope.isTop, value: value, slot: text.slot, entry: entry(inner), body: body,
      line: line,
      weight: 2 + (filter.map(Self.weight) ?? 0))
  }

  private mutating func loop(
    _ loop: Statement.Loop, _ scope: CompilerScope, line: Int
  ) throws(TemplateError) -> Action {
    if let place = loop.assignmentToLoop ?? (loop.target.names.contains("loop") ? line : nil) {
      throw TemplateError("Can't assign to special loop variable in for-loop target", line: place)
    }
    var inner = loop.isRecursive ? scope.innerFunction() : scope.inner()
    inner.isInLoop = true
    let usesLoop = loop.isRecursive || !UndeclaredNames(["loop"], in: loop.body).found.isEmpty
    if usesLoop { inner.symbols.declareParameter("loop") }
    inner.symbols.declare(loop.target)
    inner.symbols.visit(loop.body)

    let test = try loop.test.map { (test) throws(TemplateError) in
      let scope = scope.innerFunction()
      scope.symbols.declare(loop.target)
      scope.symbols.load(test)
      let code = try self.code(test, scope)
      return LoopTest(
        target: destination(loop.target, scope), test: code, entry: entry(scope), slots: scope.function.count)
    }
    let body = try self.body(loop.body, inner)
    var otherwise = CompilerScope(symbols: Symbols(parent: scope.symbols, function: inner.function))
    // After a recursive loop there is a function's end, and no loop around.
    otherwise.isInLoop = !loop.isRecursive && scope.isInLoop
    otherwise.symbols.visit(loop.otherwise)
    let otherwiseBody = try self.body(loop.otherwise, otherwise)
    let code = LoopCode(
      target: destination(loop.target, inner), loopSlot: usesLoop ? inner.slot(of: "loop") : nil, test: test,
      entry: entry(inner), body: body, elseEntry: entry(otherwise), otherwise: otherwiseBody,
      slots: inner.function.count, levels: Self.levels(loop.body) + 6)
    return LoopAction(
      try self.code(loop.values, scope), code, isRecursive: loop.isRecursive, line: line,
      weight: 2 + Self.weight(loop.values) + (loop.test.map(Self.weight) ?? 0))
  }

  private mutating func macro(
    _ name: String, _ parameters: Parameters, _ statements: [Statement], _ scope: CompilerScope, line: Int
  ) throws(TemplateError) -> MacroCode {
    let inner = scope.innerFunction()
    inner.symbols.declare(parameters)
    inner.symbols.visit(statements)
    let used = UndeclaredNames(["caller", "kwargs", "varargs"], in: statements).found
    let firstDefault = parameters.names.count - parameters.defaults.count
    if used.contains("caller"), let place = parameters.names.firstIndex(of: "caller"), place < firstDefault {
      throw TemplateError(
        "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.",
        line: line)
    }
    func special(_ name: String) -> Int? {
      guard used.contains(name), !parameters.names.contains(name) else { return nil }
      inner.symbols.declareParameter(name)
      return inner.slot(of: name)
    }
    let (caller, keywords, rest) = (special("caller"), special("kwargs"), special("varargs"))
    var codes: [(name: String, slot: Int, value: Code?)] = []
    for (place, name) in parameters.names.enumerated() {
      let value = place < firstDefault ? nil : parameters.defaults[place - firstDefault]
      codes.append(
        (
          name, inner.slot(of: name),
          try value.map { (value) throws(TemplateError) in try code(value, inner) }
        ))
    }
    let body = try self.body(statements, inner)
    let deepestDefault = parameters.defaults.map(\.depth).max() ?? 0
    return MacroCode(
      name: name, parameters: codes, callerSlot: caller, keywordsSlot: keywords, restSlot: rest,
      entry: entry(inner), body: body, slots: inner.function.count,
      levels: max(Self.levels(statements), deepestDefault) + 6)
  }
}

extension Statement.Loop {
  /// The line of a statement in the loop that sets `loop`.
  fileprivate var assignmentToLoop: Int? { Self.assignmentToLoop(in: body + otherwise) }

  private static func assignmentToLoop(in statements: [Statement]) -> Int? {
    for statement in statements {
      switch statement.kind {
      case .assign(let target, _) where target.names.contains("loop"): return statement.line
      case .assignBlock(let target, _, let body):
        if target.names.contains("loop") { return statement.line }
        if let line = assignmentToLoop(in: body) { return line }
      case .loop(let loop):
        if loop.target.names.contains("loop") { return statement.line }
        if let line = loop.assignmentToLoop { return line }
      case .condition(let branches, let otherwise):
        for body in branches.map(\.body) + [otherwise] {
          if let line = assignmentToLoop(in: body) { return line }
        }
      case .macro(_, _, let body), .call(_, _, let body), .filter(_, let body), .with(_, let body),
        .generation(let body), .block(let body):
        if let line = assignmentToLoop(in: body) { return line }
      default: break
      }
    }
    return nil
  }
}
