// Code of `{% macro %}`, `{% call %}` and `{% generation %}`.

/// A macro as it is written.
final class MacroCode {
  let name: String
  let parameters: [(name: String, slot: Int, value: Code?)]
  /// Where `caller`, `kwargs` and `varargs` lie; nil if the body does not use them.
  let callerSlot: Int?
  let keywordsSlot: Int?
  let restSlot: Int?
  let entry: ScopeEntry
  let body: Body
  let slots: Int
  /// How many levels of nodes a call has.
  let levels: Int

  init(
    name: String, parameters: [(name: String, slot: Int, value: Code?)], callerSlot: Int?, keywordsSlot: Int?,
    restSlot: Int?, entry: ScopeEntry, body: Body, slots: Int, levels: Int
  ) {
    self.name = name
    self.parameters = parameters
    self.callerSlot = callerSlot
    self.keywordsSlot = keywordsSlot
    self.restSlot = restSlot
    self.entry = entry
    self.body = body
    self.slots = slots
    self.levels = levels
  }

  /// The text that a call makes.
  func text(_ call: Call, _ outer: Frame, _ rendering: Rendering) throws -> [UInt8] {
    try rendering.nested(levels) {
      let frame = Frame(count: slots, parent: outer)
      try bind(call, frame)
      entry.run(frame, rendering)
      let line = rendering.line
      for (name, slot, value) in parameters where frame[slot] == nil {
        frame[slot] =
          try value?.evaluate(frame, rendering)
          ?? .undefined(Undefined(.hint("parameter '\(name)' was not provided")))
      }
      let text = try rendering.captured { _ = try body.run(frame, rendering) }
      rendering.line = line
      return text
    }
  }

  private func bind(_ call: Call, _ frame: Frame) throws {
    for (parameter, value) in zip(parameters, call.positional) { frame[parameter.slot] = value }
    var named = call.named
    for parameter in parameters.dropFirst(call.positional.count) {
      guard let place = named.firstIndex(where: { $0.name == parameter.name }) else { continue }
      frame[parameter.slot] = named.remove(at: place).value
    }
    if let callerSlot {
      let place = named.firstIndex { $0.name == "caller" }
      let caller = place.map { named.remove(at: $0).value }
      frame[callerSlot] =
        caller.flatMap { $0.isNone ? nil : $0 } ?? .undefined(Undefined(.hint("No caller defined")))
    }
    if let keywordsSlot {
      var builder = DictBuilder()
      for (name, value) in named { try builder.set(.text(name), value) }
      frame[keywordsSlot] = .dict(try builder.dict())
    } else if let first = named.first {
      throw PythonError(
        first.name == "caller"
          ? "macro '\(name)' was invoked with two values for the special caller argument. This is most likely a bug."
          : "macro '\(name)' takes no keyword argument '\(first.name)'")
    }
    if let restSlot {
      frame[restSlot] = .tuple(try List(Array(call.positional.dropFirst(parameters.count))))
    } else if call.positional.count > parameters.count {
      throw PythonError("macro '\(name)' takes not more than \(parameters.count) argument(s)")
    }
  }
}

/// A macro with the variables around it.
final class Macro: Object {
  private let code: MacroCode
  private let frame: Frame

  init(_ code: MacroCode, _ frame: Frame) {
    self.code = code
    self.frame = frame
  }

  override var typeName: String { "Macro" }
  override var isCallable: Bool { true }
  override func call(_ call: inout Call, _ rendering: Rendering) throws -> Value {
    .string(try code.text(call, frame, rendering))
  }
  override func attribute(_ name: String, _ rendering: Rendering) throws -> Value? {
    switch name {
    case "name": .text(code.name)
    case "arguments": .tuple(try List(code.parameters.map { .text($0.name) }))
    case "catch_kwargs": .bool(code.keywordsSlot != nil)
    case "catch_varargs": .bool(code.restSlot != nil)
    case "caller": .bool(code.callerSlot != nil || code.parameters.contains { $0.name == "caller" })
    default: nil
    }
  }
  override func representation(_ rendering: Rendering) -> [UInt8] { Array("<Macro '\(code.name)'>".utf8) }
}

final class MacroAction: Action {
  private let code: MacroCode
  private let slot: Int
  private let exports: Bool

  init(_ code: MacroCode, slot: Int, exports: Bool, line: Int, weight: Int) {
    self.code = code
    self.slot = slot
    self.exports = exports
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) -> Flow {
    rendering.cyclic.append(frame)
    let macro = Value.object(Macro(code, frame))
    frame[slot] = macro
    if exports { rendering.exported[code.name] = macro }
    return .onward
  }
}

/// `{% call f(…) %}…{% endcall %}`.
final class CallBlock: Action {
  private let call: CallCode
  private let caller: MacroCode

  init(_ call: CallCode, caller: MacroCode, line: Int, weight: Int) {
    self.call = call
    self.caller = caller
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    rendering.cyclic.append(frame)
    let value = try call.evaluate(frame, rendering, caller: .object(Macro(caller, frame)))
    try rendering.writeText(value)
    return .onward
  }
}

/// `{% generation %}…{% endgeneration %}`: transformers makes a block of its own of it, whose text is marked.
final class Generation: Action {
  private let code: MacroCode

  init(_ code: MacroCode, line: Int, weight: Int) {
    self.code = code
    super.init(line: line, weight: weight)
  }

  override func run(_ frame: Frame, _ rendering: Rendering) throws -> Flow {
    // Inside of a macro or of a block that is kept as a value, transformers counts from what stands in the text already.
    let start = rendering.outputLevel == 0 ? rendering.output.count : rendering.written
    let text = try code.text(Call("caller"), frame, rendering)
    rendering.generated.append(Rendering.GeneratedPart(start: start, characters: PythonText.count(text)))
    try rendering.write(text)
    return .onward
  }
}
