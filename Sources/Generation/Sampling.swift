// How the next token is chosen.
import Base
import Foundation
import Kernels

package struct Sampling: Sendable {
  /// 0: the likeliest token. Otherwise logits are divided by it.
  package var temperature: Double
  /// The next token is one of so many likeliest ones (Fan et al. 2018); nil for all.
  package var topK: Int?
  /// The next token is drawn from the smallest set of likeliest tokens with this much probability (Holtzman et al.
  /// 2020).
  package var topP: Double
  package var seed: UInt64

  package init(temperature: Double = 0, topK: Int? = nil, topP: Double = 1, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }

  /// The number that chooses a token, in 0..<1: a function of the seed, the sample and the token's position in its text.
  func draw(sample: Int, position: Int) -> Double {
    let sample = UInt64(sample)
    let words = Philox(seed: seed).words(
      SIMD4(
        UInt32(truncatingIfNeeded: position), 0x67656E, UInt32(truncatingIfNeeded: sample),
        UInt32(truncatingIfNeeded: sample >> 32)))
    return Double((UInt64(words[0]) << 32 | UInt64(words[1])) >> 11) * 0x1p-53
  }

  /// The next token, or nil if the logits are not finite.
  func choose(_ logits: UnsafeBufferPointer<Float>, sample: Int, position: Int) -> Int32? {
    let (best, isFinite) = largest(logits.baseAddress!, count: logits.count)
    guard isFinite else { return nil }
    if temperature == 0 { return Int32(best) }
    let peak = Double(logits[best])
    var weights = logits.indices.map { (index: $0, weight: exp((Double(logits[$0]) - peak) / temperature)) }
    if topK != nil || topP < 1 { weights = likeliest(weights) }
    var left = draw(sample: sample, position: position) * weights.reduce(0) { $0 + $1.weight }
    for candidate in weights {
      left -= candidate.weight
      if left < 0 { return Int32(candidate.index) }
    }
    return Int32(weights[weights.count - 1].index)
  }

  /// The likeliest tokens, as many as `topK` and `topP` leave; the former counts first, as in transformers.
  private func likeliest(_ all: [(index: Int, weight: Double)]) -> [(index: Int, weight: Double)] {
    var weights = all
    if topK == nil {
      // So small a weight is not among those that make up `topP`, even with all that are smaller.
      let least = (1 - topP) * all.reduce(0) { $0 + $1.weight } / Double(all.count)
      weights.removeAll { $0.weight < least }
    }
    weights.sort { ($0.weight, $1.index) > ($1.weight, $0.index) }
    if let topK { weights = Array(weights.prefix(topK)) }
    let total = (topK == nil ? all : weights).reduce(0) { $0 + $1.weight }
    var sum = 0.0
    let last = weights.firstIndex {
      sum += $0.weight
      return sum >= topP * total
    }
    return Array(weights.prefix((last ?? weights.count - 1) + 1))
  }
}
