// A regular expression as instructions for a machine that goes back where a way does not lead on.

enum PatternStep {
  case character(Unicode.Scalar, ignoresCase: Bool)
  case any(withLineEnds: Bool)
  case set(PatternSet)
  case assertion(PatternAssertion)
  /// Goes on at the first place, or later at the second.
  case split(Int, Int)
  case jump(Int)
  /// Notes where it stands.
  case save(Int)
  /// Goes on only if it does not stand where it stood at the last `save` of that slot.
  case moved(Int)
  case reference(Int, ignoresCase: Bool)
  /// Runs the steps behind it, up to `match`, by themselves, and goes on at `next`.
  case look(isAhead: Bool, isNegated: Bool, width: Int, next: Int)
  case atomic(next: Int)
  case match
}

struct PatternProgram {
  private(set) var steps: [PatternStep] = []
  /// Places that are noted: two for each group, and one for each loop.
  private(set) var slots: Int

  /// The most steps: a repetition of so many times is written so many times.
  static let longest = 50_000

  init(_ node: PatternNode, groups: Int) throws(PatternMistake) {
    slots = 2 * (groups + 1)
    try add(node)
    try append(.match)
  }

  private mutating func append(_ step: PatternStep) throws(PatternMistake) {
    guard steps.count < Self.longest else { throw PatternMistake("is too large a regular expression") }
    steps.append(step)
  }

  private mutating func add(_ node: PatternNode) throws(PatternMistake) {
    switch node {
    case .empty: break
    case .character(let scalar, let ignoresCase):
      let known = ignoresCase ? PatternSet.lowered(scalar) : scalar
      try append(.character(known, ignoresCase: ignoresCase))
    case .any(let withLineEnds): try append(.any(withLineEnds: withLineEnds))
    case .set(let set): try append(.set(set))
    case .assertion(let assertion): try append(.assertion(assertion))
    case .group(let node, let number):
      if let number { try append(.save(2 * number)) }
      try add(node)
      if let number { try append(.save(2 * number + 1)) }
    case .sequence(let nodes): for node in nodes { try add(node) }
    case .alternatives(let nodes):
      var ends: [Int] = []
      for (place, node) in nodes.enumerated() {
        guard place + 1 < nodes.count else {
          try add(node)
          break
        }
        let split = steps.count
        try append(.split(0, 0))
        try add(node)
        ends.append(steps.count)
        try append(.jump(0))
        steps[split] = .split(split + 1, steps.count)
      }
      for end in ends { steps[end] = .jump(steps.count) }
    case .repeated(let node, let least, let most, let isGreedy):
      try addRepeated(node, least, most, isGreedy)
    case .reference(let group, let ignoresCase): try append(.reference(group, ignoresCase: ignoresCase))
    case .look(let node, let isAhead, let isNegated):
      let start = steps.count
      try append(.match)
      try add(node)
      try append(.match)
      steps[start] = .look(
        isAhead: isAhead, isNegated: isNegated, width: node.width.least, next: steps.count)
    case .atomic(let node):
      let start = steps.count
      try append(.match)
      try add(node)
      try append(.match)
      steps[start] = .atomic(next: steps.count)
    }
  }

  private mutating func addRepeated(
    _ node: PatternNode, _ least: Int, _ most: Int?, _ isGreedy: Bool
  ) throws(PatternMistake) {
    for _ in 0..<least { try add(node) }
    func split(_ on: Int, _ past: Int) -> PatternStep { isGreedy ? .split(on, past) : .split(past, on) }
    guard let most else {
      let start = steps.count
      try append(.split(0, 0))
      let slot = slots
      let mayBeEmpty = node.width.least == 0
      if mayBeEmpty {
        slots += 1
        try append(.save(slot))
      }
      try add(node)
      if mayBeEmpty { try append(.moved(slot)) }
      try append(.jump(start))
      steps[start] = split(start + 1, steps.count)
      return
    }
    var starts: [Int] = []
    for _ in least..<max(most, least) {
      starts.append(steps.count)
      try append(.split(0, 0))
      try add(node)
    }
    for start in starts { steps[start] = split(start + 1, steps.count) }
  }
}
