// Compiles expressions.

extension Compiler {
  func code(_ expression: Expression, _ scope: CompilerScope) throws(TemplateError) -> Code {
    switch expression.kind {
    case .constant(let value): return Constant(value)
    case .name(let name): return self.name(name, scope)
    case .namespaceTarget(let name, let attribute): return Attribute(self.name(name, scope), attribute)
    case .list(let parts): return ListCode(try codes(parts, scope), isTuple: false)
    case .tuple(let parts): return ListCode(try codes(parts, scope), isTuple: true)
    case .dict(let pairs):
      var codes: [(key: Code, value: Code)] = []
      for pair in pairs { codes.append((try code(pair.key, scope), try code(pair.value, scope))) }
      return DictCode(codes)
    case .negative(let value): return Sign(try code(value, scope), isNegative: true)
    case .positive(let value): return Sign(try code(value, scope), isNegative: false)
    case .not(let value): return Not(try code(value, scope))
    case .and(let left, let right): return AndOr(try code(left, scope), try code(right, scope), isAnd: true)
    case .or(let left, let right): return AndOr(try code(left, scope), try code(right, scope), isAnd: false)
    case .arithmetic(let operation, let left, let right):
      return ArithmeticCode(operation, try code(left, scope), try code(right, scope))
    case .concatenation(let parts): return Concatenation(try codes(parts, scope))
    case .comparison(let first, let rest):
      var codes: [(operation: Comparison, value: Code)] = []
      for part in rest { codes.append((part.operation, try code(part.value, scope))) }
      return ComparisonCode(try code(first, scope), codes)
    case .conditional(let test, let then, let otherwise):
      let soft = scope.soft()
      let hint =
        "the inline if-expression on line \(expression.line) evaluated to false and no else section was defined."
      return Conditional(
        try code(test, soft), try code(then, soft),
        try otherwise.map { (part) throws(TemplateError) in try code(part, soft) }
          ?? Constant(.undefined(Undefined(.hint(hint), isStrict: style.isStrict))))
    case .attribute(let base, let name): return Attribute(try code(base, scope), name)
    case .item(let base, let key):
      if case .slice(let first, let last, let step) = key.kind {
        var bounds: [Code?] = []
        for bound in [first, last, step] {
          bounds.append(try bound.map { (part) throws(TemplateError) in try code(part, scope) })
        }
        return Slice(try code(base, scope), bounds)
      }
      return Item(try code(base, scope), try code(key, scope))
    case .slice: throw TemplateError("a slice among several keys is not built in", line: expression.line)
    case .call(let callee, let arguments): return try call(callee, arguments, scope)
    case .filter(let value, let name, let arguments):
      // A filter without a value is that of a block, which gives it one.
      guard let value else { throw TemplateError("a filter without a value", line: expression.line) }
      return try filter(try code(value, scope), name, arguments, scope, line: expression.line)
    case .test(let value, let name, let arguments):
      guard let test = Tests.all[name] else {
        return try missing("No test named '\(name)'", scope, line: expression.line)
      }
      return TestCode(try code(value, scope), name, test, try self.arguments(arguments, scope))
    }
  }

  func name(_ name: String, _ scope: CompilerScope) -> Code {
    let place = scope.place(of: name)
    return place.outwards == 0
      ? LocalName(name, slot: place.slot, isStrict: style.isStrict)
      : OuterName(name, place, isStrict: style.isStrict)
  }

  private func codes(_ parts: [Expression], _ scope: CompilerScope) throws(TemplateError) -> [Code] {
    var codes: [Code] = []
    for part in parts { codes.append(try code(part, scope)) }
    return codes
  }

  private func arguments(
    _ arguments: CallArguments, _ scope: CompilerScope
  ) throws(TemplateError) -> ArgumentCodes {
    var codes = ArgumentCodes()
    codes.positional = try self.codes(arguments.positional, scope)
    for (name, value) in arguments.named { codes.named.append((name, try code(value, scope))) }
    if let list = arguments.list { codes.list = try code(list, scope) }
    if let dict = arguments.dict { codes.dict = try code(dict, scope) }
    return codes
  }

  private func call(
    _ callee: Expression, _ arguments: CallArguments, _ scope: CompilerScope
  ) throws(TemplateError) -> Code {
    guard case .attribute(let base, let name) = callee.kind else {
      return try callCode(callee, arguments, scope)
    }
    return MethodCall(try code(base, scope), name, try self.arguments(arguments, scope))
  }

  func callCode(
    _ callee: Expression, _ arguments: CallArguments, _ scope: CompilerScope
  ) throws(TemplateError) -> CallCode {
    let name = if case .name(let name) = callee.kind { name } else { "the function" }
    return CallCode(try code(callee, scope), name, try self.arguments(arguments, scope))
  }

  private func filter(
    _ value: Code, _ name: String, _ arguments: CallArguments, _ scope: CompilerScope, line: Int
  ) throws(TemplateError) -> Code {
    guard let filter = Filters.all[name] ?? style.filters[name] else {
      return try missing("No filter named '\(name)'", scope, line: line)
    }
    return FilterCode(value, name, filter, try self.arguments(arguments, scope))
  }

  /// The filters of a block, applied to its text.
  func blockFilter(
    _ filters: Expression, of text: Code, _ scope: CompilerScope
  ) throws(TemplateError) -> Code {
    guard case .filter(let inner, let name, let arguments) = filters.kind else { return text }
    let value =
      try inner.map { (part) throws(TemplateError) in try blockFilter(part, of: text, scope) } ?? text
    return try filter(value, name, arguments, scope, line: filters.line)
  }

  private func missing(_ message: String, _ scope: CompilerScope, line: Int) throws(TemplateError) -> Code {
    guard scope.isSoft else { throw TemplateError("\(message).", line: line) }
    return Failing("\(message) found.")
  }

  /// How many nodes an expression has, as a share of the steps of a rendering.
  static func weight(_ expression: Expression) -> Int {
    var weight = 1
    Expression.forEachPart(of: expression.kind) { weight += self.weight($0) }
    return weight
  }
}
