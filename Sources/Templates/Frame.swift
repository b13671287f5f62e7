// The variables of one run of a function scope.

final class Frame: Cyclic {
  /// That of the function around this one.
  let parent: Frame?
  private let slots: UnsafeMutablePointer<Value?>
  private let count: Int

  init(count: Int, parent: Frame?) {
    self.parent = parent
    self.count = count
    slots = .allocate(capacity: max(count, 1))
    slots.initialize(repeating: nil, count: count)
  }

  deinit {
    slots.deinitialize(count: count)
    slots.deallocate()
  }

  /// A macro is a variable of the frame that it belongs to.
  func breakCycles() { for slot in 0..<count { slots[slot] = nil } }

  @inline(__always)
  subscript(slot: Int) -> Value? {
    get { slots[slot] }
    set { slots[slot] = newValue }
  }

  @inline(__always)
  subscript(place: VariablePlace) -> Value? {
    get { outwards(place.outwards)[place.slot] }
    set { outwards(place.outwards)[place.slot] = newValue }
  }

  @inline(__always)
  private func outwards(_ count: Int) -> Frame {
    var frame = self
    for _ in 0..<count { frame = frame.parent! }
    return frame
  }
}
