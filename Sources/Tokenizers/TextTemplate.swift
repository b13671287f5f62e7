// What stands around one text or two: special tokens, and the types that tell the first text from the second.
import Base

package struct TextTemplate: Equatable, Sendable {
  var before: [Int32] = []
  /// Between the first text and the second.
  var between: [Int32] = []
  var after: [Int32] = []
  /// How many parts at the start have type 0, where a part is one special token or one text; the others have type 1.
  /// nil if types come in another order.
  var zeroParts: Int?

  /// Two texts with nothing around them.
  static let plainPair = TextTemplate(zeroParts: 1)

  var specialCount: Int { before.count + between.count + after.count }

  /// How many tokens at the start have type 0.
  /// - Parameter counts: of each text, in tokens; one count for each text.
  func zeroTokens(_ counts: [Int]) -> Int {
    guard var left = zeroParts else { return 0 }
    var tokens = 0
    func take(special: Int) {
      tokens += min(left, special)
      left -= min(left, special)
    }
    take(special: before.count)
    for (index, count) in counts.enumerated() {
      if index > 0 { take(special: between.count) }
      if left > 0 { tokens += count }
      left -= min(left, 1)
    }
    take(special: after.count)
    return tokens
  }

  /// How many tokens of two texts stay if both together may have `longest`: tokens are taken from the end of the
  /// longer one until both are as long, and then from both (`longest_first` of the tokenizers package, which gives
  /// the odd token to the text that was not shorter, and to the second of two that were equally long).
  package static func longestFirst(_ first: Int, _ second: Int, longest: Int) -> (first: Int, second: Int) {
    guard first + second > longest else { return (first, second) }
    let short = min(first, second)
    var kept = (short: short, long: short > longest ? short : max(short, longest - short))
    if kept.short + kept.long > longest { kept = (longest / 2, longest - longest / 2) }
    return first > second ? (kept.long, kept.short) : (kept.short, kept.long)
  }
}

/// The tokens of one text or two, with the special tokens around them.
package struct TypedTokens: Equatable, Sendable {
  package var tokens: [Int32]
  /// How many tokens at the start have type 0; the others have type 1.
  package var zeroTypes: Int
  /// How many tokens were cut off the texts.
  package var cutTokens: Int

  package init(tokens: [Int32], zeroTypes: Int, cutTokens: Int = 0) {
    self.tokens = tokens
    self.zeroTypes = zeroTypes
    self.cutTokens = cutTokens
  }

  /// One type for each token.
  package var types: [Int32] { tokens.indices.map { $0 < zeroTypes ? 0 : 1 } }
}
