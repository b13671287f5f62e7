// ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004), as Google's rouge-score computes them without a stemmer: the means of the
// texts' F1 scores.

package struct ROUGE {
  private var sums = (one: 0.0, two: 0.0, longest: 0.0)
  private var texts = 0

  package init() {}

  package mutating func count(_ text: String, reference: String) {
    let (own, other) = (Self.tokens(text), Self.tokens(reference))
    sums.one += Self.f1(NGrams(own, 1), NGrams(other, 1))
    sums.two += Self.f1(NGrams(own, 2), NGrams(other, 2))
    sums.longest += Self.f1(Self.longestCommon(own, other), own.count, other.count)
    texts += 1
  }

  /// 0...1
  package var one: Double { sums.one / Double(texts) }
  package var two: Double { sums.two / Double(texts) }
  package var longest: Double { sums.longest / Double(texts) }

  /// Stretches of ASCII letters and digits, in lower case.
  package static func tokens(_ text: String) -> [[UInt8]] {
    Array(text.lowercased().utf8).split { byte in
      !(0x30...0x39).contains(byte) && !(0x61...0x7A).contains(byte)
    }.map(Array.init)
  }

  private static func f1(_ a: NGrams<[UInt8]>, _ b: NGrams<[UInt8]>) -> Double {
    f1(a.matches(b), a.total, b.total)
  }

  private static func f1(_ both: Int, _ a: Int, _ b: Int) -> Double {
    both > 0 ? 2 * Double(both) / Double(a + b) : 0
  }

  /// The length of the longest common subsequence.
  package static func longestCommon<Item: Equatable>(_ a: [Item], _ b: [Item]) -> Int {
    var lengths = [Int](repeating: 0, count: b.count + 1)
    for item in a {
      var diagonal = 0
      for (place, other) in b.enumerated() {
        let above = lengths[place + 1]
        lengths[place + 1] = item == other ? diagonal + 1 : max(above, lengths[place])
        diagonal = above
      }
    }
    return lengths[b.count]
  }
}
