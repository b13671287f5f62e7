// Which source each sample of a run comes from.
//
// A pattern of sources is repeated for ever. It holds every source as often as its weight says, as evenly as possible
// (Tijdeman, "The chairman assignment problem", Discrete Mathematics 32, 1980): after any number of samples, each
// source has had its share to within one sample. So sample k needs no draw and no walk: its source is one look-up, and
// how many samples that source has given before is a product and another look-up.

/// The shares of some sources, as a function of the place of a sample alone.
package struct Mixture: Equatable, Sendable {
  /// Weights that are no multiples of a common share are rounded to one this fine.
  static let finest = 1 << 16

  /// The source of each place of the pattern.
  private let sources: [Int32]
  /// How many places before it in the pattern have the same source.
  private let earlier: [Int32]
  /// How often each source stands in the pattern.
  package let counts: [Int]

  /// The samples of a single source.
  package static let one = Mixture(weights: [1])

  /// - Parameter weights: positive and finite, one for each source.
  package init(weights: [Double]) {
    precondition(!weights.isEmpty && weights.allSatisfy { $0 > 0 && $0.isFinite }, "a weight is positive")
    counts = Self.counts(weights)
    let length = counts.reduce(0, +)
    var given = counts.map { _ in 0 }
    var sources: [Int32] = []
    var earlier: [Int32] = []
    sources.reserveCapacity(length)
    earlier.reserveCapacity(length)
    for place in 1...length {
      let source = Self.next(place, length, counts, given)
      sources.append(Int32(source))
      earlier.append(Int32(given[source]))
      given[source] += 1
    }
    self.sources = sources
    self.earlier = earlier
  }

  /// The source of a sample of the run, and how many samples that source has given before it.
  package func source(of sample: Int) -> (source: Int, place: Int) {
    let (round, place) = sample.quotientAndRemainder(dividingBy: sources.count)
    let source = Int(sources[place])
    return (source, round * counts[source] + Int(earlier[place]))
  }

  /// How many samples each source gives among the first ones.
  func given(after samples: Int) -> [Int] {
    let (rounds, rest) = samples.quotientAndRemainder(dividingBy: sources.count)
    var given = counts.map { $0 * rounds }
    for source in sources.prefix(rest) { given[Int(source)] += 1 }
    return given
  }

  /// How many samples there are up to the one with which a source has given so many, at least one.
  func samples(until count: Int, of source: Int) -> Int {
    let (rounds, rest) = (count - 1).quotientAndRemainder(dividingBy: counts[source])
    let place = sources.indices.first { sources[$0] == source && earlier[$0] == rest } ?? 0
    return rounds * sources.count + place + 1
  }

  /// Samples until some source has been seen once: one epoch. It is what `interleave_datasets` of Hugging Face calls
  /// `first_exhausted`.
  /// - Parameters:
  ///   - sequences: of each source.
  ///   - uses: what each source is there for: what is replayed may be seen any number of times. nil where all are
  ///     learned.
  package func epoch(_ sequences: [Int], _ uses: [SourceUse]? = nil) -> Int {
    sequences.indices.filter { uses == nil || uses?[$0] == .learned }
      .map { sequences[$0] * sources.count / counts[$0] }.min() ?? 0
  }

  /// How often each source stands in the shortest pattern that holds the weights exactly, or in the finest one.
  private static func counts(_ weights: [Double]) -> [Int] {
    let total = weights.reduce(0, +)
    let shares = weights.map { $0 / total }
    for length in 1...1024 {
      let exact = shares.map { $0 * Double(length) }
      if exact.allSatisfy({ $0 > 0.5 && abs($0 - $0.rounded()) < 1e-9 * Double(length) }) {
        return exact.map { Int($0.rounded()) }
      }
    }
    return shares.map { max(1, Int(($0 * Double(finest)).rounded())) }
  }

  /// The source that has to come at a place, from 1, of a pattern: of those that are behind their share, the one
  /// that would be more than one sample behind first.
  private static func next(_ place: Int, _ length: Int, _ counts: [Int], _ given: [Int]) -> Int {
    guard counts.count > 1 else { return 0 }
    let scale = 2 * counts.count - 2
    var best: (source: Int, slack: Double)?
    for (source, count) in counts.enumerated() {
      let behind = (count * place - given[source] * length) * scale
      guard behind >= length else { continue }
      let slack = Double(length * (scale - 1) - behind) / Double(count)
      if best.map({ slack < $0.slack }) ?? true { best = (source, slack) }
    }
    if let best { return best.source }
    return counts.indices.max {
      counts[$0] * place - given[$0] * length < counts[$1] * place - given[$1] * length
    }
      ?? 0
  }
}
