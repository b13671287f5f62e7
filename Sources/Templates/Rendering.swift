// One rendering of a template: its output, and what it may still do.
import Base

/// Everything that a rendering changes. A template may come from anywhere, so what it takes is bounded.
final class Rendering {
  /// Nodes that may be run: a second of work; the longest chats take some 100,000.
  static let mostSteps = 10_000_000
  /// Bytes of all texts and lists that may be made, those that are thrown away included.
  static let mostBytes = 256 << 20
  /// Levels of nodes that may wait for each other, counted through macros and loops that call themselves.
  static let deepest = 2_500

  /// What was written so far, outside of macros and blocks that are kept as values.
  var output: [UInt8] = []
  /// Whether `output` is the text itself, and not that of a macro or a block.
  var outputLevel = 0
  /// How much of the text stands before the blocks that are being written.
  var written = 0
  var generated: [GeneratedPart] = []
  /// The line of the statement that runs.
  var line = 0
  private var steps = Rendering.mostSteps
  private var bytes = Rendering.mostBytes
  var depth = 0
  /// The names that the template looks up, and what each of them is.
  private let names: [String]
  private let resolved: [Value?]
  /// What the statements at the top have set, for blocks.
  var exported: [String: Value] = [:]
  /// Objects that may refer to themselves; they are emptied at the end.
  var cyclic: [any Cyclic] = []

  struct GeneratedPart {
    var start: Int
    var characters: Int
  }

  /// The time that the template sees, in seconds since 1970; nil for that of the clock.
  let time: Int?

  private let style: TemplateStyle

  /// - Parameter variables: the names that are given; later ones win.
  init(
    names: [String] = [], variables: [JSON.Member] = [], time: Int? = nil, style: TemplateStyle = .chat
  ) throws {
    self.time = time
    self.style = style
    self.names = names
    resolved = try names.map { name in
      try variables.last { $0.key.elementsEqual(name.utf8) }.map { try Value($0.value) }
        ?? Globals.all[name]
    }
  }

  deinit { for object in cyclic { object.breakCycles() } }

  /// What is not there.
  func undefined(_ reason: Undefined.Reason) -> Value {
    .undefined(Undefined(reason, isStrict: style.isStrict))
  }

  /// - Throws: once there were too many.
  @inline(__always)
  func charge(_ count: Int) throws {
    steps -= count
    if steps < 0 { throw PythonError("takes more than \(Self.mostSteps) steps") }
  }

  /// Counts bytes of a new text, and the steps that it takes.
  @inline(__always)
  func make(_ count: Int) throws {
    bytes -= count
    if bytes < 0 || count > Self.mostBytes {
      throw PythonError("makes more than \(Self.mostBytes >> 20) MiB of text")
    }
    try charge(count >> 6)
  }

  /// Counts the elements of a new list.
  func make(elements count: Int) throws {
    guard count <= Self.mostBytes / 16 else {
      throw PythonError("makes more than \(Self.mostBytes >> 20) MiB of text")
    }
    try make(count * 16)
  }

  /// Runs what may call itself.
  /// - Parameter levels: how many levels of nodes it has.
  @inline(__always)
  func nested<R>(_ levels: Int, _ body: () throws -> R) throws -> R {
    depth += levels
    defer { depth -= levels }
    if depth > Self.deepest { throw PythonError("maximum recursion depth exceeded") }
    return try body()
  }

  /// What `body` writes, instead of writing it.
  func captured(_ body: () throws -> Void) throws -> [UInt8] {
    if outputLevel == 0 { written = output.count }
    var outer: [UInt8] = []
    swap(&outer, &output)
    outputLevel += 1
    defer {
      outputLevel -= 1
      output = outer
    }
    try body()
    return output
  }

  @inline(__always)
  func write(_ text: [UInt8]) throws {
    try make(text.count)
    output.append(contentsOf: text)
  }

  /// Writes what a block gives, which Jinja takes as it is.
  func writeText(_ value: Value) throws {
    guard case .string(let text) = value else {
      throw PythonError("a block gives \(value.typeName), where a text is expected")
    }
    try write(text)
  }

  @inline(__always)
  func resolve(_ name: Int) -> Value? {
    if !exported.isEmpty, let value = exported[names[name]] { return value }
    return resolved[name]
  }
}

protocol Cyclic: AnyObject {
  func breakCycles()
}
