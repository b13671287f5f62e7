// Code of `{% for %}`, and the object `loop`.

/// A loop as it is written.
final class LoopCode {
  let target: Destination
  /// Where `loop` lies; nil if the loop does not use it.
  let loopSlot: Int?
  let test: LoopTest?
  let entry: ScopeEntry
  let body: Body
  let elseEntry: ScopeEntry
  let otherwise: Body
  /// Of a recursive loop: how many variables one run of it has, and how many levels of nodes.
  let slots: Int
  let levels: Int

  init(
    target: Destination, loopSlot: Int?, test: LoopTest?, entry: ScopeEntry, body: Body,
    elseEntry: ScopeEntry,
    otherwise: Body, slots: Int, levels: Int
  ) {
    self.target = target
    self.loopSlot = loopSlot
    self.test = test
    self.entry = entry
    self.body = body
    self.elseEntry = elseEntry
    self.otherwise = otherwise
    self.slots = slots
    self.levels = levels
  }

  /// - Parameters:
  ///   - outer: the frame that the loop is written in; `test` reads it.
  ///   - frame: the frame that the loop's variables lie in; another one if the loop is recursive.
  func run(
    over values: Value, outer: Frame, _ frame: Frame, _ rendering: Rendering, depth: Int = 0,
    isRecursive: Bool = false
  ) throws {
    let values = try test?.select(from: values, outer, rendering) ?? values
    var iteration = try values.iterate()
    var isLeft = false
    // The loop did not run to the end of its body once: what makes Jinja take `else`.
    var isUnfinished = true
    if let loopSlot {
      let loop = try LoopObject(values, depth: depth, recurse: isRecursive ? (self, outer) : nil)
      if test != nil { rendering.cyclic.append(frame) }
      while !isLeft, let value = try loop.next(rendering) {
        frame[loopSlot] = .object(loop)
        isLeft = try runBody(value, frame, rendering, &isUnfinished)
      }
    } else {
      while !isLeft, let value = try iteration.next(rendering) {
        isLeft = try runBody(value, frame, rendering, &isUnfinished)
      }
    }
    if isUnfinished, !otherwise.actions.isEmpty {
      elseEntry.run(frame, rendering)
      _ = try otherwise.run(frame, rendering)
    }
  }

  /// - Returns: whether the loop ends here.
  @inline(__always)
  private func runBody(
    _ value: Value, _ frame: Frame, _ rendering: Rendering, _ isUnfinished: inout Bool
  ) throws -> Bool {
    try rendering.charge(1)
    if case .variable(let slot, _) = target {
      frame[slot] = value
    } else {
      try target.assign(value, frame, rendering)
    }
    entry.run(frame, rendering)
    switch try body.run(frame, rendering) {
    case .onward:
      isUnfinished = false
      return false
    case .continueLoop: return false
    case .breakLoop: return true
    }
  }
}

/// The condition of `{% for … if … %}`.
final class LoopTest {
  private let target: Destination
  private let test: Code
  private let entry: ScopeEntry
  private let slots: Int

  init(target: Destination, test: Code, entry: ScopeEntry, slots: Int) {
    self.target = target
    self.test = test
    self.entry = entry
    self.slots = slots
  }

  func select(from values: Value, _ outer: Frame, _ rendering: Rendering) throws -> Value {
    var iteration = try values.iterate()
    var frame: Frame?
    return .object(
      try LazySequence("generator", over: [values]) { [self] rendering in
        let own = frame ?? Frame(count: slots, parent: outer)
        if frame == nil { entry.run(own, rendering) }
        frame = own
        while let value = try iteration.next(rendering) {
          try rendering.charge(2)
          try target.assign(value, own, rendering)
          if try test.evaluate(own, rendering).isTrue { return value }
        }
        return nil
      })
  }
}

/// A loop in its place in a template.
final class LoopAction: Action {
  private let values: Code
  private let loop: LoopCode
  private let isRecursive: Bool

  init(_ values: Code, _ loop: LoopCode, isRecursive: Bool, line: Int, weight: Int) {
    self.values = values
    self.loop = loop
    self.isRecursive = isRecursive
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    let values = try self.values.evaluate(frame, rendering)
    if isRecursive {
      let text = try loop.recurse(over: values, frame, rendering, depth: 0)
      try rendering.write(text)
    } else {
      try loop.run(over: values, outer: frame, frame, rendering)
    }
    return .onward
  }
}

extension LoopCode {
  /// The text of a recursive loop over some values.
  func recurse(over values: Value, _ outer: Frame, _ rendering: Rendering, depth: Int) throws -> [UInt8] {
    try rendering.nested(levels) {
      try rendering.captured {
        let frame = Frame(count: slots, parent: outer)
        rendering.cyclic.append(frame)
        try run(over: values, outer: outer, frame, rendering, depth: depth, isRecursive: true)
      }
    }
  }
}

/// `loop`: what a template may ask about the loop that it is in.
final class LoopObject: Object, Cyclic {
  private let values: Value
  private let level: Int
  private let depth0: Int
  private var recurse: (code: LoopCode, frame: Frame)?
  private var iteration: Iteration
  private var length: Int?
  private var index0 = -1
  private var before: Value?
  private var current: Value?
  /// The element behind the current one, once somebody asked for it: nil inside if there is none.
  private var after: Value??
  private var lastChanged: [Value]?

  init(_ values: Value, depth: Int, recurse: (code: LoopCode, frame: Frame)?) throws {
    self.values = values
    depth0 = depth
    self.recurse = recurse
    iteration = try values.iterate()
    level = try Value.depth(around: [values])
  }

  override var depth: Int { level }
  override var typeName: String { "LoopContext" }

  func next(_ rendering: Rendering) throws -> Value? {
    let value: Value?
    if let after {
      value = after
      self.after = nil
    } else {
      value = try iteration.next(rendering)
    }
    guard let value else { return nil }
    index0 += 1
    before = current
    current = value
    return value
  }

  private func peek(_ rendering: Rendering) throws -> Value? {
    if let after { return after }
    let value = try iteration.next(rendering)
    after = .some(value)
    return value
  }

  private func findLength(_ rendering: Rendering) throws -> Int {
    if let length { return length }
    var found: Int
    if case .object(let object) = values, try object.count == nil {
      // Jinja reads all that is left of an iterator, and goes on with that.
      var rest: [Value] = []
      while let value = try iteration.next(rendering) {
        try rendering.make(elements: 1)
        rest.append(value)
      }
      found = rest.count + index0 + 1
      if let after, after != nil { found += 1 }
      iteration = .list(try List(rest))
    } else {
      found = try values.count()
    }
    length = found
    return found
  }

  override func attribute(_ name: String, _ rendering: Rendering) throws -> Value? {
    switch name {
    case "index0": .integer(index0)
    case "index": .integer(index0 + 1)
    case "first": .bool(index0 == 0)
    case "last": .bool(try peek(rendering) == nil)
    case "length": .integer(try findLength(rendering))
    case "revindex": .integer(try findLength(rendering) - index0)
    case "revindex0": .integer(try findLength(rendering) - index0 - 1)
    case "previtem":
      index0 > 0 ? before : rendering.undefined(.hint("there is no previous item"))
    case "nextitem": try peek(rendering) ?? rendering.undefined(.hint("there is no next item"))
    case "depth": .integer(depth0 + 1)
    case "depth0": .integer(depth0)
    case "cycle":
      .object(
        Function("cycle") { [index0] call, _ in
          let items = try call.unnamed(0...Int.max - 1)
          guard !items.isEmpty else { throw PythonError("no items for cycling given") }
          return items[index0 % items.count]
        })
    case "changed":
      .object(
        try BoundMethod(.object(self), "changed") { [self] _, call, rendering in
          .bool(try isChanged(try call.unnamed(0...Int.max - 1), rendering))
        })
    default: nil
    }
  }

  private func isChanged(_ values: [Value], _ rendering: Rendering) throws -> Bool {
    if let lastChanged, try Value.list(List(lastChanged)).isEqual(to: .list(List(values))) { return false }
    if lastChanged == nil { rendering.cyclic.append(self) }
    lastChanged = values
    return true
  }

  func breakCycles() { lastChanged = nil }

  override var isCallable: Bool { true }
  override func call(_ call: inout Call, _ rendering: Rendering) throws -> Value {
    let values = try call.bound("iterable", required: 1)[0]!
    guard let recurse else {
      throw PythonError("The loop must have the 'recursive' marker to be called recursively.")
    }
    return .string(try recurse.code.recurse(over: values, recurse.frame, rendering, depth: depth0 + 1))
  }

  override func representation(_ rendering: Rendering) throws -> [UInt8] {
    Array("<LoopContext \(index0 + 1)/\(try findLength(rendering))>".utf8)
  }
}
