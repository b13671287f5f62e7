// One bit per token: whether predicting this token counts in the loss.
import Base

package struct LossMask: Equatable, Sendable {
  package private(set) var count = 0
  private(set) var words = Column<UInt64>()

  package init() {}

  /// The mask of a file.
  /// - Parameter words: 64 tokens in each, the first in the lowest bit.
  init(_ words: Column<UInt64>, count: Int) {
    precondition(words.count == (count + 63) / 64, "a mask has a bit for each token")
    (self.words, self.count) = (words, count)
  }

  package subscript(_ index: Int) -> Bool {
    precondition(index >= 0 && index < count, "a mask is read outside of its tokens")
    return words[index >> 6] >> UInt64(index & 63) & 1 == 1
  }

  /// Adds `count` tokens that either all carry a loss or all carry none.
  mutating func append(_ value: Bool, count added: Int) {
    guard added > 0 else { return }
    var (left, place) = (added, count)
    words.change { words in
      while left > 0 {
        if place & 63 == 0 { words.append(0) }
        let bit = place & 63
        let run = min(left, 64 - bit)
        if value {
          let ones = run == 64 ? UInt64.max : (1 << UInt64(run)) - 1
          words[words.count - 1] |= ones << UInt64(bit)
        }
        place += run
        left -= run
      }
    }
    count += added
  }
}
