// Walks statements for the names that they read and set, in the order in which Jinja's compiler does.

extension Symbols {
  func load(_ expression: Expression) {
    switch expression.kind {
    case .name(let name), .namespaceTarget(let name, _): load(name)
    default: Expression.forEachPart(of: expression.kind) { load($0) }
    }
  }

  private func store(_ target: Target) {
    switch target {
    case .name(let name): store(name)
    case .tuple(let targets): for target in targets { store(target) }
    case .attribute(let name, _): load(name)
    }
  }

  func declare(_ target: Target) { target.names.forEach(declareParameter) }

  func declare(_ parameters: Parameters) {
    parameters.names.forEach(declareParameter)
    for value in parameters.defaults { load(value) }
  }

  /// The names of a scope's own statements. Scopes inside of it count where they begin: a loop by its values.
  func visit(_ statements: [Statement]) {
    for statement in statements { visit(statement) }
  }

  private func visit(_ statement: Statement) {
    switch statement.kind {
    case .output(let parts): for case .value(let expression) in parts { load(expression) }
    case .assign(let target, let value):
      load(value)
      store(target)
    case .assignBlock(let target, _, _): store(target)
    case .loop(let loop): load(loop.values)
    case .condition(let branches, let otherwise): visit(branches[...], otherwise)
    case .macro(let name, _, _): store(name)
    case .call(let call, _, _): load(call)
    case .filter(let filter, _): load(filter)
    case .with(let pairs, _): for pair in pairs { load(pair.value) }
    case .block, .generation, .breakLoop, .continueLoop: break
    }
  }

  /// Jinja sees a condition with `elif` as one branch, the list of further conditions as another, and `else` as the last.
  private func visit(
    _ branches: ArraySlice<(test: Expression, body: [Statement])>, _ otherwise: [Statement]
  ) {
    guard let first = branches.first else { return }
    load(first.test)
    let body = copy()
    body.visit(first.body)
    let others = copy()
    for branch in branches.dropFirst() { others.visit([branch][...], []) }
    let rest = copy()
    rest.visit(otherwise)
    merge([body, others, rest])
  }
}

/// Which of some names are read before they are set: `loop`, `caller` and the like are made only where they are used.
struct UndeclaredNames {
  private var names: Set<String>
  private(set) var found: Set<String> = []

  init(_ names: Set<String>, in statements: [Statement]) {
    self.names = names
    visit(statements)
  }

  private mutating func read(_ expression: Expression) {
    if case .name(let name) = expression.kind {
      if names.contains(name) { found.insert(name) }
      return
    }
    var parts: [Expression] = []
    Expression.forEachPart(of: expression.kind) { parts.append($0) }
    for part in parts { read(part) }
  }

  private mutating func visit(_ parameters: Parameters) {
    names.subtract(parameters.names)
    for value in parameters.defaults { read(value) }
  }

  private mutating func visit(_ statements: [Statement]) {
    for statement in statements {
      switch statement.kind {
      case .output(let parts): for case .value(let expression) in parts { read(expression) }
      case .assign(let target, let value):
        names.subtract(target.names)
        read(value)
      case .assignBlock(let target, let filter, let body):
        names.subtract(target.names)
        if let filter { read(filter) }
        visit(body)
      case .loop(let loop):
        names.subtract(loop.target.names)
        read(loop.values)
        visit(loop.body)
        visit(loop.otherwise)
        if let test = loop.test { read(test) }
      case .condition(let branches, let otherwise):
        for branch in branches {
          read(branch.test)
          visit(branch.body)
        }
        visit(otherwise)
      case .macro(_, let parameters, let body):
        visit(parameters)
        visit(body)
      case .call(let call, let parameters, let body):
        read(call)
        visit(parameters)
        visit(body)
      case .filter(let filter, let body):
        visit(body)
        read(filter)
      case .with(let pairs, let body):
        for pair in pairs { names.subtract(pair.target.names) }
        for pair in pairs { read(pair.value) }
        visit(body)
      case .generation(let body): visit(body)
      case .block, .breakLoop, .continueLoop: break
      }
    }
  }
}
