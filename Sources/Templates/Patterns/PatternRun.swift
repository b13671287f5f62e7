// One search of a regular expression in a text.

struct PatternRun {
  private let program: PatternProgram
  private let text: [Unicode.Scalar]
  private var slots: [Int]
  /// Ways that were not taken, and places as they were before.
  private var stack: [Entry] = []
  private var left: Int
  /// A match of no characters at this place does not count.
  private var refused: Int?

  private enum Entry {
    case way(step: Int, place: Int)
    case slot(Int, value: Int)
  }

  /// Steps that one text may take: a pattern of an evil kind takes any number.
  static let mostSteps = 20_000_000

  init(_ program: PatternProgram, _ text: [Unicode.Scalar]) {
    self.program = program
    self.text = text
    slots = [Int](repeating: -1, count: program.slots)
    left = Self.mostSteps
  }

  /// The first match at a place or behind it.
  /// - Parameter mayBeEmpty: whether a match at the place itself may have no characters.
  mutating func search(from start: Int, mayBeEmpty: Bool) throws(PatternMistake) -> [Int]? {
    var place = start
    while place <= text.count {
      refused = place == start && !mayBeEmpty ? place : nil
      for index in slots.indices { slots[index] = -1 }
      stack.removeAll(keepingCapacity: true)
      if let end = try run(0, place) {
        slots[0] = place
        slots[1] = end
        return slots
      }
      place += 1
    }
    return nil
  }

  private mutating func run(_ first: Int, _ start: Int) throws(PatternMistake) -> Int? {
    let bottom = stack.count
    var (step, place) = (first, start)
    while true {
      left -= 1
      guard left > 0 else { throw PatternMistake("takes more than \(Self.mostSteps) steps in a text") }
      var goesOn = true
      switch program.steps[step] {
      case .character(let scalar, let ignoresCase):
        goesOn = place < text.count && (ignoresCase ? PatternSet.lowered(text[place]) : text[place]) == scalar
        place += 1
        step += 1
      case .any(let withLineEnds):
        goesOn = place < text.count && (withLineEnds || text[place] != "\n")
        place += 1
        step += 1
      case .set(let set):
        goesOn = place < text.count && set.contains(text[place])
        place += 1
        step += 1
      case .assertion(let assertion):
        goesOn = holds(assertion, place)
        step += 1
      case .split(let near, let far):
        stack.append(.way(step: far, place: place))
        step = near
      case .jump(let target): step = target
      case .save(let slot):
        note(place, in: slot)
        step += 1
      case .moved(let slot):
        goesOn = slots[slot] != place
        step += 1
      case .reference(let group, let ignoresCase):
        goesOn = refer(group, ignoresCase, &place)
        step += 1
      case .look(let isAhead, let isNegated, let width, let next):
        let from = isAhead ? place : place - width
        let depth = stack.count
        let outer = refused
        refused = nil
        let found = from < 0 ? false : try run(step + 1, from) != nil
        refused = outer
        if isNegated { undo(to: depth, all: true) }
        goesOn = found != isNegated
        step = next
      case .atomic(let next):
        let outer = refused
        refused = nil
        let end = try run(step + 1, place)
        refused = outer
        goesOn = end != nil
        place = end ?? place
        step = next
      case .match:
        if refused != place {
          // What is left of this run's ways is not taken any more; what it noted stays to be undone.
          undo(to: bottom, all: false)
          return place
        }
        goesOn = false
      }
      if goesOn { continue }
      guard let way = back(to: bottom) else { return nil }
      (step, place) = way
    }
  }

  private mutating func note(_ place: Int, in slot: Int) {
    stack.append(.slot(slot, value: slots[slot]))
    slots[slot] = place
  }

  /// The way that was left last.
  private mutating func back(to bottom: Int) -> (Int, Int)? {
    while stack.count > bottom {
      switch stack.removeLast() {
      case .way(let step, let place): return (step, place)
      case .slot(let slot, let value): slots[slot] = value
      }
    }
    return nil
  }

  /// Forgets ways.
  /// - Parameter all: whether places become what they were, too.
  private mutating func undo(to bottom: Int, all: Bool) {
    if all {
      while back(to: bottom) != nil {}
      return
    }
    let kept = stack[bottom...].filter { if case .slot = $0 { true } else { false } }
    stack.replaceSubrange(bottom..., with: kept)
  }

  private func holds(_ assertion: PatternAssertion, _ place: Int) -> Bool {
    switch assertion {
    case .textStart: return place == 0
    case .textEnd: return place == text.count
    case .lineStart: return place == 0 || text[place - 1] == "\n"
    case .lineEnd: return place == text.count || text[place] == "\n"
    case .end: return place == text.count || place == text.count - 1 && text[place] == "\n"
    case .wordEdge(let isMeant):
      let before = place > 0 && PatternSet.isWord(text[place - 1])
      let after = place < text.count && PatternSet.isWord(text[place])
      return (before != after) == isMeant
    }
  }

  private func refer(_ group: Int, _ ignoresCase: Bool, _ place: inout Int) -> Bool {
    let (start, end) = (slots[2 * group], slots[2 * group + 1])
    guard start >= 0, end >= start, place + end - start <= text.count else { return false }
    for offset in 0..<end - start {
      let (a, b) = (text[start + offset], text[place + offset])
      guard ignoresCase ? PatternSet.lowered(a) == PatternSet.lowered(b) : a == b else { return false }
    }
    place += end - start
    return true
  }
}
