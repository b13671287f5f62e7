// So many of the rows, chosen at random: exactly as many as asked for, in memory that does not grow with the rows.
import Base
import Collectives

/// Rows have draws of 64 bits. Those with the smallest draws of their stratum are chosen; which bound that is follows from a
/// histogram of the draws and, in a second look, from the draws in one of its bins.
struct RowChoice {
  private static let bins = 4096
  static let mostStrata = 1000

  /// The rows of each stratum, by the first 12 bits of the draw.
  private var histograms: [[UInt8]: [Int64]] = [:]
  private(set) var hasTooMany = false
  /// The draws below which rows are chosen, in the order of the sizes that were asked for.
  private var bounds: [[UInt8]: [UInt64?]] = [:]

  mutating func count(_ draw: UInt64, of stratum: [UInt8]) {
    if histograms[stratum] == nil {
      guard histograms.count < Self.mostStrata else {
        hasTooMany = true
        return
      }
      histograms[stratum] = [Int64](repeating: 0, count: Self.bins)
    }
    histograms[stratum]![Int(draw >> 52)] += 1
  }

  /// Collective.
  /// - Parameters:
  ///   - sizes: how many rows are chosen of a stratum with so many, as running sums.
  ///   - look: goes through all rows of this rank again and gives their draws.
  mutating func decide(
    _ ranks: Ranks, sizes: (Int) -> [Int], look: ((UInt64, [UInt8]) -> Void) throws -> Void
  ) throws {
    guard ranks.sum(hasTooMany ? 1 : 0) == 0 else {
      hasTooMany = true
      return
    }
    var names: Set<[UInt8]> = []
    for text in ranks.gather(JSON.array(histograms.keys.map { .string($0) }).encoded()) {
      for name in (try? JSON.parse(text))?.elements?.compactMap(\.bytes) ?? [] { names.insert(name) }
    }
    let strata = names.sorted { $0.lexicographicallyPrecedes($1) }
    // For each stratum and size: the bin that the bound lies in, and how many of its draws are below.
    var searched: [[UInt8]: [(bin: Int, left: Int)?]] = [:]
    for stratum in strata {
      var histogram = histograms[stratum] ?? [Int64](repeating: 0, count: Self.bins)
      ranks.add(&histogram)
      let count = Int(histogram.reduce(0, +))
      searched[stratum] = sizes(count).map { size in
        guard size < count else { return nil }
        var left = size
        for (bin, rows) in histogram.enumerated() {
          if left < Int(rows) { return (bin, left) }
          left -= Int(rows)
        }
        return nil
      }
    }
    var draws: [[UInt8]: [Int: [UInt64]]] = [:]
    try look { draw, stratum in
      for case let place? in searched[stratum] ?? [] where place.bin == Int(draw >> 52) {
        draws[stratum, default: [:]][place.bin, default: []].append(draw)
        return
      }
    }
    for stratum in strata {
      bounds[stratum] = searched[stratum]!.map { place in
        guard let place else { return nil }
        let all = ranks.gather(words: draws[stratum]?[place.bin] ?? []).joined().sorted()
        return all[place.left]
      }
    }
    histograms = [:]
  }

  /// Which of the sizes a row belongs to; nil behind the last one.
  func part(of draw: UInt64, in stratum: [UInt8]) -> Int? {
    bounds[stratum]?.firstIndex { bound in bound.map { draw < $0 } ?? true }
  }
}
