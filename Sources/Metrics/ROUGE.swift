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

  /// ROUGE-1, ROUGE-2 and ROUGE-Lsum of one text, 0...1: for the last, each line is a sentence of its own.
  package static func scores(
    _ text: String, reference: String
  ) -> (one: Double, two: Double, summary: Double) {
    let (own, other) = (tokens(text), tokens(reference))
    func lines(_ text: String) -> [[[UInt8]]] {
      text.utf8.split(separator: 0x0A).map { tokens(String(Substring($0))) }
    }
    return (
      f1(NGrams(own, 1), NGrams(other, 1)), f1(NGrams(own, 2), NGrams(other, 2)),
      summary(lines(text), lines(reference))
    )
  }

  /// The tokens that the sentences of a reference have in common with any sentence, each as often as both texts have it.
  private static func summary(_ own: [[[UInt8]]], _ other: [[[UInt8]]]) -> Double {
    var (left, wanted) = ([[UInt8]: Int](), [[UInt8]: Int]())
    for token in own.joined() { left[token, default: 0] += 1 }
    for token in other.joined() { wanted[token, default: 0] += 1 }
    var both = 0
    for sentence in other {
      let places = own.reduce(into: Set<Int>()) { $0.formUnion(commonPlaces(sentence, $1)) }
      for place in places.sorted()
      where left[sentence[place], default: 0] > 0 && wanted[sentence[place], default: 0] > 0 {
        left[sentence[place]]! -= 1
        wanted[sentence[place]]! -= 1
        both += 1
      }
    }
    return f1(both, own.reduce(0) { $0 + $1.count }, other.reduce(0) { $0 + $1.count })
  }

  /// Where the longest common subsequence lies in the first.
  private static func commonPlaces(_ a: [[UInt8]], _ b: [[UInt8]]) -> [Int] {
    var lengths = Array(repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in a.indices {
      for j in b.indices {
        lengths[i + 1][j + 1] = a[i] == b[j] ? lengths[i][j] + 1 : max(lengths[i][j + 1], lengths[i + 1][j])
      }
    }
    var (i, j) = (a.count, b.count)
    var places: [Int] = []
    while i > 0, j > 0 {
      if a[i - 1] == b[j - 1] {
        places.append(i - 1)
        i -= 1
        j -= 1
      } else if lengths[i][j - 1] > lengths[i - 1][j] {
        j -= 1
      } else {
        i -= 1
      }
    }
    return places
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
