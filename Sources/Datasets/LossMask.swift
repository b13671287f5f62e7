// One bit per token: whether predicting this token counts in the loss.

package struct LossMask: Equatable, Sendable {
  package private(set) var count = 0
  private var words: [UInt64] = []

  /// Bytes in memory.
  var bytes: Int { words.count * 8 }

  package subscript(_ index: Int) -> Bool {
    precondition(index >= 0 && index < count, "a mask is read outside of its tokens")
    return words[index >> 6] >> UInt64(index & 63) & 1 == 1
  }

  /// Adds `count` tokens that either all carry a loss or all carry none.
  mutating func append(_ value: Bool, count added: Int) {
    var left = added
    while left > 0 {
      if count & 63 == 0 { words.append(0) }
      let place = count & 63
      let run = min(left, 64 - place)
      if value {
        let ones = run == 64 ? UInt64.max : (1 << UInt64(run)) - 1
        words[words.count - 1] |= ones << UInt64(place)
      }
      count += run
      left -= run
    }
  }

  mutating func set(_ index: Int, _ value: Bool) {
    precondition(index >= 0 && index < count, "a mask is written outside of its tokens")
    let bit: UInt64 = 1 << UInt64(index & 63)
    if value { words[index >> 6] |= bit } else { words[index >> 6] &= ~bit }
  }

  mutating func truncate(to newCount: Int) {
    guard newCount < count else { return }
    count = newCount
    words.removeLast(words.count - (newCount + 63) >> 6)
    // `append` relies on unused bits being clear.
    if newCount & 63 != 0 { words[words.count - 1] &= (1 << UInt64(newCount & 63)) - 1 }
  }
}
