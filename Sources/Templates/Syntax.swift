// What a template says, as a tree: expressions, targets of assignments, statements.

struct Expression {
  indirect enum Kind {
    case constant(Value)
    case name(String)
    case list([Expression])
    case tuple([Expression])
    case dict([(key: Expression, value: Expression)])
    case negative(Expression)
    case positive(Expression)
    case not(Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case arithmetic(Arithmetic, Expression, Expression)
    case concatenation([Expression])
    case comparison(Expression, [(operation: Comparison, value: Expression)])
    case conditional(test: Expression, then: Expression, otherwise: Expression?)
    case attribute(Expression, String)
    case item(Expression, Expression)
    case slice(Expression?, Expression?, Expression?)
    case call(Expression, CallArguments)
    /// Without a value where a block is filtered.
    case filter(Expression?, String, CallArguments)
    case test(Expression, String, CallArguments)
    /// `a.b` as a target.
    case namespaceTarget(String, String)
  }

  let kind: Kind
  let line: Int
  /// How many expressions lie in each other: bounded, since they are walked by recursion.
  let depth: Int

  static let deepest = 250

  init(_ kind: Kind, line: Int) throws(TemplateError) {
    self.kind = kind
    self.line = line
    var deepest = 0
    Self.forEachPart(of: kind) { deepest = max(deepest, $0.depth) }
    depth = deepest + 1
    guard depth <= Self.deepest else {
      throw TemplateError("an expression is nested more than \(Self.deepest) levels deep", line: line)
    }
  }

  /// Calls `body` with the parts, in the order in which Jinja's compiler visits them.
  static func forEachPart(of kind: Kind, _ body: (Expression) -> Void) {
    switch kind {
    case .constant, .name, .namespaceTarget: break
    case .list(let parts), .tuple(let parts), .concatenation(let parts): parts.forEach(body)
    case .dict(let pairs):
      for pair in pairs {
        body(pair.key)
        body(pair.value)
      }
    case .negative(let part), .positive(let part), .not(let part), .attribute(let part, _): body(part)
    case .and(let a, let b), .or(let a, let b), .arithmetic(_, let a, let b), .item(let a, let b):
      body(a)
      body(b)
    case .comparison(let first, let rest):
      body(first)
      for part in rest { body(part.value) }
    case .conditional(let test, let then, let otherwise):
      body(test)
      body(then)
      otherwise.map(body)
    case .slice(let a, let b, let c): for bound in [a, b, c].compactMap({ $0 }) { body(bound) }
    case .call(let callee, let arguments):
      body(callee)
      arguments.forEachPart(body)
    case .filter(let value, _, let arguments):
      value.map(body)
      arguments.forEachPart(body)
    case .test(let value, _, let arguments):
      body(value)
      arguments.forEachPart(body)
    }
  }
}

struct CallArguments {
  var positional: [Expression] = []
  var named: [(name: String, value: Expression)] = []
  /// `*list` and `**dict`.
  var list: Expression?
  var dict: Expression?

  func forEachPart(_ body: (Expression) -> Void) {
    positional.forEach(body)
    for argument in named { body(argument.value) }
    list.map(body)
    dict.map(body)
  }
}

enum Arithmetic: String {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case modulo = "%"
  case power = "**"
}

enum Comparison {
  case equal, notEqual
  case order(Value.Order)
  case isIn, isNotIn
}

/// What is assigned to.
indirect enum Target {
  case name(String)
  case tuple([Target])
  case attribute(of: String, String)

  var names: [String] {
    switch self {
    case .name(let name): [name]
    case .tuple(let targets): targets.flatMap(\.names)
    case .attribute: []
    }
  }
}

struct Parameters {
  var names: [String] = []
  /// The values of the last of them where a call does not give them.
  var defaults: [Expression] = []
}

struct Statement {
  enum Part {
    case text([UInt8])
    case value(Expression)
  }

  indirect enum Kind {
    case output([Part])
    case assign(Target, Expression)
    case assignBlock(Target, filter: Expression?, [Statement])
    case loop(Loop)
    case condition([(test: Expression, body: [Statement])], otherwise: [Statement])
    case macro(String, Parameters, [Statement])
    case call(Expression, Parameters, [Statement])
    case filter(Expression, [Statement])
    case with([(target: Target, value: Expression)], [Statement])
    case block([Statement])
    case generation([Statement])
    case breakLoop
    case continueLoop
  }

  struct Loop {
    var target: Target
    var values: Expression
    var test: Expression?
    var isRecursive: Bool
    var body: [Statement]
    var otherwise: [Statement]
  }

  var kind: Kind
  var line: Int
}
