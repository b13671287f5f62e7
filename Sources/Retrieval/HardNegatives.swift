// Passages that are like an answer and are none (Karpukhin et al. 2020; the margin as a share of the positive's score is that
// of NV-Retriever, Moreira et al. 2024).
import Base
import Collectives

package struct HardNegatives {
  private let margin: Double
  private let count: Int

  package struct Triplet: Equatable, Sendable {
    /// Which of the pairs it is of.
    package let pair: Int
    package let anchor: [UInt8]
    package let positive: [UInt8]
    package let negative: [UInt8]
  }

  /// - Parameters:
  ///   - margin: a negative's cosine is at most that of the positive times 1 less this.
  ///   - count: negatives of each pair, at most.
  package init(margin: Double, count: Int) { (self.margin, self.count) = (margin, count) }

  /// Collective.
  /// - Parameter pairs: anchors and positives, the same on all ranks.
  /// - Returns: in the order of the pairs and of the hits; on the first rank.
  package func mined(
    _ pairs: [(anchor: [UInt8], positive: [UInt8])], _ search: IndexSearch, _ options: SearchOptions,
    _ encoder: any PassageEncoder, _ ranks: Ranks
  ) throws -> [Triplet] {
    let hits = try search.hits(for: pairs.map(\.anchor), options, encoder: encoder)
    let vectors =
      try EncodingRounds.run(encoder, ranks) { rounds -> [Float] in
        // Hits of another mode than dense have no cosine.
        let texts = options.mode == .dense ? [] : hits.flatMap { $0.map { Array($0.chunk.text.utf8) } }
        return try rounds.vectors(of: pairs.map(\.anchor) + pairs.map(\.positive) + texts)
      } ?? []
    guard ranks.isFirst else { return [] }
    let width = encoder.width
    func cosine(_ a: Int, _ b: Int) -> Double {
      (0..<width).reduce(0.0) { $0 + Double(vectors[a * width + $1]) * Double(vectors[b * width + $1]) }
    }
    var next = 2 * pairs.count
    return pairs.indices.flatMap { pair -> [Triplet] in
      let positive = pairs[pair].positive
      let most = cosine(pair, pairs.count + pair) * (1 - margin)
      var triplets: [Triplet] = []
      for hit in hits[pair] {
        let score = options.mode == .dense ? hit.score : cosine(pair, next)
        next += 1
        let text = Array(hit.chunk.text.utf8)
        guard triplets.count < count, score <= most, !Self.contains(text, positive),
          !Self.contains(positive, text)
        else { continue }
        triplets.append(Triplet(pair: pair, anchor: pairs[pair].anchor, positive: positive, negative: text))
      }
      return triplets
    }
  }

  /// Whether one text stands in another, apart from white space around it.
  static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
    let part = part.drop { $0 <= 0x20 }.reversed().drop { $0 <= 0x20 }.reversed().map { $0 }
    guard let first = part.first else { return true }
    guard text.count >= part.count else { return false }
    return (0...text.count - part.count).contains {
      text[$0] == first && text[$0..<$0 + part.count].elementsEqual(part)
    }
  }
}
