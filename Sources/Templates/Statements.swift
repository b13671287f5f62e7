// Code of statements; loops and macros have files of their own.

/// Text and values that are written.
final class Output: Action {
  enum Part {
    case text([UInt8])
    case value(Code, line: Int)
  }
  private let parts: [Part]

  init(_ parts: [Part], line: Int, weight: Int) {
    self.parts = parts
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    for part in parts {
      switch part {
      case .text(let text): try rendering.write(text)
      case .value(let code, let line):
        rendering.line = line
        let value = try code.evaluate(frame, rendering)
        if case .string(let text) = value {
          try rendering.write(text)
        } else {
          try rendering.write(try value.text(rendering))
        }
      }
    }
    return .onward
  }
}

/// Where an assignment puts its value.
indirect enum Destination {
  case variable(slot: Int, name: String)
  case several([Destination])
  case attribute(of: Code, String)

  /// - Throws: before anything is computed, where an attribute is set of what is no namespace.
  func check(_ frame: Frame, _ rendering: Rendering) throws {
    switch self {
    case .variable: break
    case .several(let parts): for part in parts { try part.check(frame, rendering) }
    case .attribute(let code, _):
      guard case .object(let object) = try code.evaluate(frame, rendering), object is Namespace else {
        throw PythonError("cannot assign attribute on non-namespace object")
      }
    }
  }

  func assign(_ value: Value, _ frame: Frame, _ rendering: Rendering, exports: Bool = false) throws {
    switch self {
    case .variable(let slot, let name):
      frame[slot] = value
      if exports { rendering.exported[name] = value }
    case .several(let parts):
      guard let elements = try? value.elements(rendering) else {
        try value.defined()
        throw PythonError("cannot unpack non-iterable \(value.typeName) object")
      }
      guard elements.count >= parts.count else {
        throw PythonError("not enough values to unpack (expected \(parts.count), got \(elements.count))")
      }
      guard elements.count == parts.count else {
        throw PythonError("too many values to unpack (expected \(parts.count))")
      }
      for (part, element) in zip(parts, elements) {
        try part.assign(element, frame, rendering, exports: exports)
      }
    case .attribute(let code, let name):
      guard case .object(let object) = try code.evaluate(frame, rendering),
        let namespace = object as? Namespace
      else { throw PythonError("cannot assign attribute on non-namespace object") }
      try namespace.set(name, value)
    }
  }
}

final class Assignment: Action {
  private let destination: Destination
  private let value: Code
  /// Whether blocks see the variable.
  private let exports: Bool

  init(_ destination: Destination, _ value: Code, exports: Bool, line: Int, weight: Int) {
    self.destination = destination
    self.value = value
    self.exports = exports
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    if case .variable(let slot, let name) = destination {
      let value = try self.value.evaluate(frame, rendering)
      frame[slot] = value
      if exports { rendering.exported[name] = value }
    } else {
      try destination.check(frame, rendering)
      let value = try self.value.evaluate(frame, rendering)
      try destination.assign(value, frame, rendering, exports: exports)
    }
    return .onward
  }
}

/// `{% set x %}…{% endset %}`, and `{% filter f %}…{% endfilter %}`.
final class BlockValue: Action {
  /// Nil where the block is written.
  private let destination: Destination?
  private let exports: Bool
  /// The block's text, or that text filtered.
  private let value: Code
  private let slot: Int
  private let entry: ScopeEntry
  private let body: Body

  init(
    _ destination: Destination?, exports: Bool, value: Code, slot: Int, entry: ScopeEntry, body: Body,
    line: Int,
    weight: Int
  ) {
    self.destination = destination
    self.exports = exports
    self.value = value
    self.slot = slot
    self.entry = entry
    self.body = body
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    entry.run(frame, rendering)
    var flow = Flow.onward
    let text = try rendering.captured { flow = try body.run(frame, rendering) }
    // A loop that ends inside drops what the block wrote.
    if flow != .onward { return flow }
    frame[slot] = .string(text)
    let value = try self.value.evaluate(frame, rendering)
    frame[slot] = nil
    if let destination {
      try destination.assign(value, frame, rendering, exports: exports)
    } else {
      try rendering.writeText(value)
    }
    return .onward
  }
}

final class Condition: Action {
  private let branches: [(test: Code, body: Body)]
  private let otherwise: Body

  init(_ branches: [(test: Code, body: Body)], otherwise: Body, line: Int, weight: Int) {
    self.branches = branches
    self.otherwise = otherwise
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    for branch in branches where try branch.test.evaluate(frame, rendering).isTrue {
      return try branch.body.run(frame, rendering)
    }
    return try otherwise.run(frame, rendering)
  }
}

final class With: Action {
  private let pairs: [(target: Destination, value: Code)]
  private let entry: ScopeEntry
  private let body: Body

  init(
    _ pairs: [(target: Destination, value: Code)], entry: ScopeEntry, body: Body, line: Int, weight: Int
  ) {
    self.pairs = pairs
    self.entry = entry
    self.body = body
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    entry.run(frame, rendering)
    for pair in pairs { try pair.target.assign(pair.value.evaluate(frame, rendering), frame, rendering) }
    return try body.run(frame, rendering)
  }
}

/// `{% block %}`: it sees what the statements at the top have set, and nothing else.
final class Block: Action {
  private let slots: Int
  private let entry: ScopeEntry
  private let body: Body

  init(slots: Int, entry: ScopeEntry, body: Body, line: Int, weight: Int) {
    self.slots = slots
    self.entry = entry
    self.body = body
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    let inner = Frame(count: slots, parent: nil)
    entry.run(inner, rendering)
    return try body.run(inner, rendering)
  }
}

/// `{% break %}` and `{% continue %}`.
final class LoopControl: Action {
  private let flow: Flow

  init(_ flow: Flow, line: Int) {
    self.flow = flow
    super.init(line: line, weight: 1)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) -> Flow { flow }
}
