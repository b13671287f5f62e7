// chrF2 of a whole set of texts (Popović 2015), as sacreBLEU computes it by default: six n-grams of characters without
// white space, β = 2.

package struct CHRF {
  private static let longest = 6
  private static let betaSquared = 4.0
  private var given = [Int](repeating: 0, count: longest)
  private var wanted = [Int](repeating: 0, count: longest)
  private var right = [Int](repeating: 0, count: longest)

  package init() {}

  package mutating func count(_ text: String, reference: String) {
    func characters(_ text: String) -> [Unicode.Scalar] {
      text.unicodeScalars.filter { !$0.properties.isWhitespace }
    }
    let (own, other) = (characters(text), characters(reference))
    for n in 1...Self.longest {
      let (grams, references) = (NGrams(own, n), NGrams(other, n))
      // What is longer than its reference has nothing to be compared with.
      given[n - 1] += references.total > 0 ? grams.total : 0
      wanted[n - 1] += references.total
      right[n - 1] += grams.matches(references)
    }
  }

  /// 0...100
  package var score: Double {
    var (precision, recall, orders) = (0.0, 0.0, 0.0)
    for n in 0..<Self.longest where given[n] > 0 && wanted[n] > 0 {
      precision += Double(right[n]) / Double(given[n])
      recall += Double(right[n]) / Double(wanted[n])
      orders += 1
    }
    guard precision + recall > 0 else { return 0 }
    precision /= orders
    recall /= orders
    return 100 * (1 + Self.betaSquared) * precision * recall / (Self.betaSquared * precision + recall)
  }
}
