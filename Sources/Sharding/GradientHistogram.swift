// How the numbers of a step's gradient are distributed, for those who watch a run.
import Base
import Collectives
import Kernels
import Tensors

/// Counts of numbers by their sign and the power of two below them: the same at any number of ranks.
package struct GradientHistogram: Sendable, Equatable {
  /// Of a layer, or of a parameter outside of layers.
  package let name: String
  /// For each of `limits` how many numbers are at most that and above the one before.
  package private(set) var counts: [Int]

  /// Powers of two that are told apart; what is smaller counts as 0, and what is larger as the largest.
  private static let exponents = -40...15
  private static let levels = exponents.count
  package static let buckets = 2 * levels + 1

  /// Upper ends of the buckets, ascending.
  package static let limits: [Double] =
    exponents.reversed().map { -power($0) } + [power(exponents.lowerBound)]
    + exponents.map { power($0 + 1) }

  private static func power(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }

  init(name: String, counts: [Int]) {
    precondition(counts.count == Self.buckets, "a count for each bucket")
    (self.name, self.counts) = (name, counts)
  }

  /// Whether a step of a run is looked at: one in fifty, and at most one in ten.
  package static func isDue(_ step: Int, of steps: Int) -> Bool {
    step == 1 || step == steps || step % max(10, steps / 50) == 0
  }

  /// The bucket of a number; nil for one that is not finite.
  @inline(__always)
  package static func bucket(_ number: Float) -> Int? {
    let bits = number.bitPattern
    let exponent = Int(bits >> 23 & 0xFF)
    guard exponent < 0xFF else { return nil }
    let level = min(exponent - 127, exponents.upperBound) - exponents.lowerBound
    guard level >= 0 else { return levels }
    return bits >> 31 == 0 ? levels + 1 + level : levels - 1 - level
  }

  /// `model.layers.3.mlp.up_proj.weight` is of `model.layers.3`.
  package static func group(of parameter: String) -> String {
    let words = parameter.split(separator: ".")
    guard let number = words.firstIndex(where: { Int($0) != nil }) else {
      return words.dropLast(words.count > 1 ? 1 : 0).joined(separator: ".")
    }
    return words[...number].joined(separator: ".")
  }
}

extension GradientSum {
  /// The distribution of the sum of a step that is done, layer by layer, in the order of the line. Collective.
  package func histograms() -> [GradientHistogram] {
    let names = map.layout.parameters.filter(\.spec.trains).map { GradientHistogram.group(of: $0.spec.name) }
    var groups: [String: Int] = [:]
    for name in names where groups[name] == nil { groups[name] = groups.count }
    var counts = [Double](repeating: 0, count: groups.count * GradientHistogram.buckets)
    for (bucket, slices) in map.slices.enumerated() {
      let slice = slices[map.rank]
      let values = memory.base + map.place(ofBucket: bucket)
      for (parameter, range) in map.layout.pieces(of: slice) {
        guard let group = groups[GradientHistogram.group(of: parameter.spec.name)] else { continue }
        counts.withUnsafeMutableBufferPointer { counts in
          let own = counts.baseAddress! + group * GradientHistogram.buckets
          for place in range.lowerBound - slice.lowerBound..<range.upperBound - slice.lowerBound {
            if let bucket = GradientHistogram.bucket(values[place]) { own[bucket] += 1 }
          }
        }
      }
    }
    let all = ranks.gather(counts)
    return groups.sorted { $0.value < $1.value }.map { name, group in
      let range = group * GradientHistogram.buckets..<(group + 1) * GradientHistogram.buckets
      return GradientHistogram(
        name: name, counts: range.map { place in all.reduce(0) { $0 + Int($1[place]) } })
    }
  }
}
