// Which variable a name means, decided before rendering, by the rules of Jinja's compiler: a name that a scope sets anywhere
// belongs to that scope, and has the value of the scope around it until it is set.

/// The variables of the template itself, of a macro, or of another part that is run as a function.
final class FunctionScope {
  let parent: FunctionScope?
  private(set) var slots: [String: Int] = [:]

  init(parent: FunctionScope?) { self.parent = parent }

  var count: Int { slots.count }

  func slot(of variable: String) -> Int {
    if let slot = slots[variable] { return slot }
    let slot = slots.count
    slots[variable] = slot
    return slot
  }
}

/// Where a variable lies: so many functions outwards, and there in this slot.
struct VariablePlace {
  var outwards: Int
  var slot: Int
}

/// What a variable is when its scope begins.
enum InitialValue {
  /// Set by what begins the scope.
  case parameter
  case resolved(String)
  case alias(of: String)
  case missing
}

/// The names of one scope.
final class Symbols {
  let parent: Symbols?
  let function: FunctionScope
  private let level: Int
  private var references: [String: String] = [:]
  private(set) var initial: [String: InitialValue] = [:]
  private(set) var stores: Set<String> = []

  init(parent: Symbols?, function: FunctionScope) {
    self.parent = parent
    self.function = function
    level = parent.map { $0.level + 1 } ?? 0
  }

  private init(copy other: Symbols) {
    parent = other.parent
    function = other.function
    level = other.level
    references = other.references
    initial = other.initial
    stores = other.stores
  }

  func copy() -> Symbols { Symbols(copy: self) }

  /// The variable that a name means; nil if no scope knows the name.
  func find(_ name: String) -> String? {
    var symbols: Symbols? = self
    while let current = symbols {
      if let variable = current.references[name] { return variable }
      symbols = current.parent
    }
    return nil
  }

  private func define(_ name: String, _ value: InitialValue) {
    let variable = "\(level) \(name)"
    references[name] = variable
    initial[variable] = value
  }

  func store(_ name: String) {
    stores.insert(name)
    guard references[name] == nil else { return }
    if let outer = parent?.find(name) {
      define(name, .alias(of: outer))
    } else {
      define(name, .missing)
    }
  }

  func declareParameter(_ name: String) {
    stores.insert(name)
    define(name, .parameter)
  }

  func load(_ name: String) {
    if find(name) == nil { define(name, .resolved(name)) }
  }

  /// Takes over what the branches of a condition define. A name that only some of them set has its outer value before.
  func merge(_ branches: [Symbols]) {
    let stored = branches.reduce(into: Set<String>()) { $0.formUnion($1.stores) }.subtracting(stores)
    for branch in branches {
      references.merge(branch.references) { $1 }
      initial.merge(branch.initial) { $1 }
      stores.formUnion(branch.stores)
    }
    for name in stored {
      guard let variable = find(name) else { continue }
      initial[variable] = parent?.find(name).map { .alias(of: $0) } ?? .resolved(name)
    }
  }

  /// Where a variable of this scope or one around it lies, as seen from `function`.
  func place(of variable: String, from function: FunctionScope) -> VariablePlace {
    var owner = self
    while owner.initial[variable] == nil, let parent = owner.parent { owner = parent }
    var outwards = 0
    var current = function
    while current !== owner.function, let parent = current.parent {
      current = parent
      outwards += 1
    }
    return VariablePlace(outwards: outwards, slot: owner.function.slot(of: variable))
  }
}
