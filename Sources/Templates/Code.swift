// A template made ready to run: a tree of objects, each of which computes a value or runs a statement.

/// An expression. Immutable, so that several renderings may use it at once.
class Code {
  func evaluate(_ frame: Frame, _ rendering: Rendering) throws -> Value { .none }
}

/// A statement.
class Action {
  let line: Int
  /// How many nodes it has: its share of the steps that a rendering may take.
  let weight: Int

  init(line: Int, weight: Int) {
    self.line = line
    self.weight = weight
  }

  func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow { .onward }
}

/// How statements go on.
enum Flow {
  case onward, breakLoop, continueLoop
}

/// Statements in a row.
struct Body {
  var actions: [Action] = []

  @inline(__always)
  func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    for action in actions {
      rendering.line = action.line
      try rendering.charge(action.weight)
      let flow = try action.run(frame, rendering)
      if flow != .onward { return flow }
    }
    return .onward
  }
}

/// What a scope does when it begins: gives its variables their first values.
struct ScopeEntry {
  enum Step {
    case resolve(name: Int, slot: Int)
    case copy(VariablePlace, slot: Int)
    case clear(slot: Int)
  }
  var steps: [Step] = []

  @inline(__always)
  func run(_ frame: Frame, _ rendering: Rendering) {
    for step in steps {
      switch step {
      case .resolve(let name, let slot): frame[slot] = rendering.resolve(name)
      case .copy(let place, let slot): frame[slot] = frame[place]
      case .clear(let slot): frame[slot] = nil
      }
    }
  }
}

/// A whole template.
final class Program {
  let body: Body
  let entry: ScopeEntry
  let slots: Int
  /// The names that are looked up among the variables given and the globals.
  let names: [String]
  let marksGeneration: Bool

  init(body: Body, entry: ScopeEntry, slots: Int, names: [String], marksGeneration: Bool) {
    self.body = body
    self.entry = entry
    self.slots = slots
    self.names = names
    self.marksGeneration = marksGeneration
  }
}
