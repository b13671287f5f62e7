// Finds added tokens: the leftmost, and the longest of those; then each token's conditions on its neighbours apply.

struct AddedTokenMatcher: Sendable {
  /// Sorted by pattern, so that the walk below narrows a range.
  private let tokens: [AddedToken]
  /// Whether a pattern starts with this byte.
  private let starts: [Bool]
  var isEmpty: Bool { tokens.isEmpty }

  init(_ tokens: [AddedToken]) {
    self.tokens = tokens.filter { !$0.pattern.isEmpty }
      .sorted { $0.pattern.lexicographicallyPrecedes($1.pattern) }
    var starts = [Bool](repeating: false, count: 256)
    for token in self.tokens { starts[Int(token.pattern[0])] = true }
    self.starts = starts
  }

  /// Cuts `text`, which is valid UTF-8, into parts without tokens (`id` nil, never empty) and tokens.
  func split(_ text: UnsafeBufferPointer<UInt8>, _ body: (_ range: Range<Int>, _ id: Int32?) -> Void) {
    guard let base = text.baseAddress, !text.isEmpty else { return }
    var done = 0
    var at = 0
    if !tokens.isEmpty {
      starts.withUnsafeBufferPointer { starts in
        while at < text.count {
          guard starts[Int(text[at])], let token = longest(text, at) else {
            at += 1
            continue
          }
          var start = at
          var end = at + token.pattern.count
          at = end
          guard !token.singleWord || Self.standsAlone(base, start..<end, text.count) else { continue }
          // Space that was walked over once is not walked over again, as that would take quadratic time.
          if token.stripsLeft { start = start > done ? Self.spaceStart(base, start, from: done) : done }
          if token.stripsRight { end = Self.spaceEnd(base, max(end, done), text.count) }
          if done < start { body(done..<start, nil) }
          body(min(start, end)..<end, token.id)
          done = end
        }
      }
    }
    if done < text.count { body(done..<text.count, nil) }
  }

  /// The longest token whose pattern starts at `at`.
  private func longest(_ text: UnsafeBufferPointer<UInt8>, _ at: Int) -> AddedToken? {
    var low = 0
    var high = tokens.count
    var found: Int?
    var depth = 0
    // In low..<high the patterns share their first `depth` bytes with the text; the shortest comes first.
    while low < high, at + depth < text.count {
      let byte = text[at + depth]
      low = first(low, high) { depth < tokens[$0].pattern.count && tokens[$0].pattern[depth] >= byte }
      high = first(low, high) { depth < tokens[$0].pattern.count && tokens[$0].pattern[depth] > byte }
      depth += 1
      if low < high, tokens[low].pattern.count == depth { found = low }
    }
    return found.map { tokens[$0] }
  }

  /// The first index in low..<high for which `holds` turns true.
  private func first(_ low: Int, _ high: Int, _ holds: (Int) -> Bool) -> Int {
    var low = low
    var high = high
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private static func standsAlone(_ text: UnsafePointer<UInt8>, _ range: Range<Int>, _ count: Int) -> Bool {
    func isWord(_ at: Int) -> Bool {
      CharacterClasses.shared(UTF8Text.scalar(text, at).value) & CharacterClasses.word != 0
    }
    if range.lowerBound > 0, isWord(UTF8Text.before(text, range.lowerBound)) { return false }
    return range.upperBound == count || !isWord(range.upperBound)
  }

  static func isSpace(_ text: UnsafePointer<UInt8>, _ at: Int) -> Bool {
    CharacterClasses.shared(UTF8Text.scalar(text, at).value) & CharacterClasses.whitespace != 0
  }

  /// Where the space before `end` begins, but no earlier than `start`.
  static func spaceStart(_ text: UnsafePointer<UInt8>, _ end: Int, from start: Int = 0) -> Int {
    var at = end
    while at > start {
      let before = UTF8Text.before(text, at)
      guard isSpace(text, before) else { break }
      at = before
    }
    return at
  }

  static func spaceEnd(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
    var at = start
    while at < count, isSpace(text, at) { at += UTF8Text.length(text[at]) }
    return at
  }
}
