// Python's `range`.

final class RangeObject: Object {
  let start: Int
  let stop: Int
  let step: Int
  let length: Int

  /// - Parameter step: not 0.
  init(start: Int, stop: Int, step: Int) {
    self.start = start
    self.stop = stop
    self.step = step
    let isEmpty = step > 0 ? stop <= start : stop >= start
    // The distance of any two numbers fits into an unsigned one.
    let distance = UInt(bitPattern: step > 0 ? stop &- start : start &- stop)
    length = isEmpty ? 0 : Int(min((distance - 1) / step.magnitude, UInt(Int.max - 1))) + 1
  }

  /// The sandbox of Jinja refuses longer ones.
  static let longest = 100_000

  static func make(_ call: inout Call) throws -> Value {
    let arguments = try call.unnamed(1...3).map { try Optional($0).integer()! }
    let step = arguments.count > 2 ? arguments[2] : 1
    guard step != 0 else { throw PythonError("range() arg 3 must not be zero") }
    let range =
      arguments.count == 1
      ? RangeObject(start: 0, stop: arguments[0], step: 1)
      : RangeObject(start: arguments[0], stop: arguments[1], step: step)
    guard range.length <= longest else {
      throw PythonError("Range too big. The sandbox blocks ranges larger than MAX_RANGE (\(longest)).")
    }
    return .object(range)
  }

  func number(_ place: Int) -> Int { start &+ place &* step }

  override var typeName: String { "range" }
  override func representation(_ rendering: Rendering) -> [UInt8] {
    Array((step == 1 ? "range(\(start), \(stop))" : "range(\(start), \(stop), \(step))").utf8)
  }
  override var isTrue: Bool { length > 0 }
  override var count: Int? { length }
  override func iteration() -> Iteration { .numbers(self) }
  override var isSequence: Bool { true }
  override func element(_ index: Int) -> Value? {
    let place = index < 0 ? index + length : index
    return place >= 0 && place < length ? .integer(number(place)) : nil
  }
  override func attribute(_ name: String, _ rendering: Rendering) -> Value? {
    switch name {
    case "start": .integer(start)
    case "stop": .integer(stop)
    case "step": .integer(step)
    default: nil
    }
  }
  override func isEqual(to other: Object) -> Bool {
    guard let other = other as? RangeObject, length == other.length else { return false }
    return length == 0 || (start == other.start && (length == 1 || step == other.step))
  }
}
