// A replica's weights: the line of all parameters, in the type of the model.

/// In bfloat16, the fp32 numbers that are updated lie elsewhere, in shards; the numbers here are rounded from them.
package final class WeightLine {
  package let layout: ParameterLayout
  package let type: ElementType
  private let memory: FlatMemory
  /// Parameters of one dimension (gains, biases), widened if the line is bfloat16, since kernels read them as fp32.
  private let vectors: FlatMemory
  private let vectorPlaces: [Int]
  /// Whether others read and write the same line.
  package let isShared: Bool
  /// The range that this rank reads from a model: all of it, or the rank's part if the line is shared.
  package let loaded: Range<Int>

  /// The number of floats that a line needs: two bfloat16 numbers take the room of one float.
  package static func room(_ layout: ParameterLayout, type: ElementType) -> Int {
    type == .float32 ? layout.count : (layout.count + 1) / 2
  }

  /// - Parameter shared: memory of `room` floats that others use too, and the part of the line that this rank reads.
  package init(
    _ layout: ParameterLayout, type: ElementType, shared: (memory: FlatMemory, loaded: Range<Int>)? = nil,
    ledger: MemoryLedger? = nil
  ) {
    self.layout = layout
    self.type = type
    isShared = shared != nil
    loaded = shared?.loaded ?? 0..<layout.count
    memory =
      shared?.memory ?? FlatMemory(count: Self.room(layout, type: type), label: "weights", ledger: ledger)
    var places: [Int] = []
    var end = 0
    for parameter in layout.parameters {
      places.append(end)
      if type == .bfloat16, Self.isVector(parameter) { end += Self.vectorRoom(parameter) }
    }
    vectorPlaces = places
    vectors = FlatMemory(count: end, label: "weights", ledger: ledger)
  }

  /// The floats of the widened vectors, each in whole cache lines.
  package static func vectorRoom(_ layout: ParameterLayout, type: ElementType) -> Int {
    type == .float32
      ? 0 : layout.parameters.filter(isVector).reduce(0) { $0 + vectorRoom($1) }
  }

  private static func vectorRoom(_ parameter: ParameterLayout.Parameter) -> Int {
    (parameter.range.count + 15) / 16 * 16
  }

  private static func isVector(_ parameter: ParameterLayout.Parameter) -> Bool {
    parameter.spec.shape.count < 2
  }

  /// The whole line, for a model in fp32.
  package var floats: UnsafeMutablePointer<Float> {
    precondition(type == .float32, "the line holds bfloat16")
    return memory.base
  }

  /// The whole line, for a model in bfloat16.
  package var halves: UnsafeMutablePointer<BFloat16> {
    precondition(type == .bfloat16, "the line holds fp32")
    return UnsafeMutableRawPointer(memory.base).assumingMemoryBound(to: BFloat16.self)
  }

  /// The address of element `index` of the line.
  package func address(_ index: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(memory.base) + index * type.bytes
  }

  /// A parameter for kernels that read fp32: any parameter in an fp32 model, otherwise one of one dimension.
  package func floats(of parameter: Int) -> UnsafePointer<Float> {
    let found = layout.parameters[parameter]
    if type == .float32 { return UnsafePointer(memory.base + found.range.lowerBound) }
    precondition(Self.isVector(found), "\(found.spec.name) is a matrix of bfloat16")
    return UnsafePointer(vectors.base + vectorPlaces[parameter])
  }

  /// Widens the parameters of one dimension again, after the line has changed.
  /// - Parameter range: the parameters that begin there; nil for all.
  package func refreshVectors(in range: Range<Int>? = nil) {
    guard type == .bfloat16 else { return }
    for (index, parameter) in layout.parameters.enumerated()
    where Self.isVector(parameter) && range?.contains(parameter.range.lowerBound) ?? true {
      BFloat16.widen(
        halves + parameter.range.lowerBound, count: parameter.range.count,
        into: vectors.base + vectorPlaces[index])
    }
  }

  /// How many numbers are widened at once.
  private static let piece = 1 << 20

  /// Reads a range of the line as fp32, in pieces.
  package func read(
    _ range: Range<Int>, _ body: (_ part: Range<Int>, UnsafePointer<Float>) throws -> Void
  ) rethrows {
    if type == .float32 { return try body(range, memory.base + range.lowerBound) }
    let room = FlatMemory(count: min(Self.piece, max(range.count, 1)), label: "reading")
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.piece) {
      let part = start..<min(start + Self.piece, range.upperBound)
      BFloat16.widen(halves + start, count: part.count, into: room.base)
      try body(part, room.base)
    }
  }
}
