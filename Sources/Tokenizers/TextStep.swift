// A limit on how much a file may make a text grow: forty steps that each double it would fill any memory.
import Base

/// A normalizer, a pre-tokenizer or a decoder.
protocol TextStep {
  /// How many times as long a text may become, apart from its ends.
  var growth: Int { get }
  /// What it makes of a line feed at which a long text might be cut.
  var lineBorder: LineBorder { get }
}

extension TextStep {
  var lineBorder: LineBorder { .crossed }
  var growth: Int { 1 }

  /// The growth if a text of `old` bytes becomes one of `new` bytes.
  static func growth(_ old: Int, _ new: Int) -> Int { max(1, (new + old - 1) / max(old, 1)) }
}

enum TextSteps {
  /// Far above any real file: compatibility forms, lower case and the byte-level alphabet together make 44.
  static let largestGrowth = 4096

  static func check(_ steps: [any TextStep], _ part: FilePart) throws(UserError) {
    var growth = 1
    for step in steps {
      guard step.growth <= largestGrowth / growth else {
        throw part.error(
          "these steps together may make a text more than \(largestGrowth) times as long")
      }
      growth *= step.growth
    }
  }
}
