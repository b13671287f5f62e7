// Masked softmax attention with grouped key heads, one query at a time, in fp64.
import Foundation

/// Sizes and masks of one attention; the rows of heads are contiguous.
package struct AttentionReference {
  package var sequences: Int
  package var queries: Int
  package var keys: Int
  package var heads: Int
  package var keyHeads: Int
  package var width: Int
  package var scale: Double
  /// [B · T]: the keys that each query sees.
  package var firstKeys: [Int32]
  package var endKeys: [Int32]
  package var dropout: DropoutReference?
  package var sampleIDs: [Int32]
  package var isCausal = true
  /// See `AttentionShape.window`.
  package var window: Int?
  package var softCap: Double?
  /// [H, distances]: what is added to scores, by the key's number minus the query's, from 1 − N on.
  package var bias: [Double]?
  /// Rounds Q, K, V and the numbers of P, these before they are divided by their sum; nil for none.
  package var rounding: RoundingReference?

  package init(
    sequences: Int, queries: Int, keys: Int, heads: Int, keyHeads: Int, width: Int, scale: Double,
    firstKeys: [Int32], endKeys: [Int32], dropout: DropoutReference?, sampleIDs: [Int32],
    isCausal: Bool = true, window: Int? = nil, softCap: Double? = nil, bias: [Double]? = nil
  ) {
    self.sequences = sequences
    self.queries = queries
    self.keys = keys
    self.heads = heads
    self.keyHeads = keyHeads
    self.width = width
    self.scale = scale
    self.firstKeys = firstKeys
    self.endKeys = endKeys
    self.dropout = dropout
    self.sampleIDs = sampleIDs
    self.isCausal = isCausal
    self.window = window
    self.softCap = softCap
    self.bias = bias
  }

  /// - Parameters:
  ///   - q: [B · T, H · D]; k and v: [B · N, G · D].
  /// - Returns: outputs [B · T, H · D] and log-sum-exps [B, H, T].
  package func forward(q: [Double], k: [Double], v: [Double]) -> (output: [Double], logSums: [Double]) {
    var output = [Double](repeating: 0, count: sequences * queries * heads * width)
    var logSums = [Double](repeating: 0, count: sequences * heads * queries)
    let (q, k, v) = (rounding?(q) ?? q, rounding?(k) ?? k, rounding?(v) ?? v)
    for sequence in 0..<sequences {
      for head in 0..<heads {
        let keyHead = head / (heads / keyHeads)
        for query in 0..<queries {
          let row = sequence * queries + query
          let visible = seen(row)
          if visible.isEmpty { continue }
          let qStart = (row * heads + head) * width
          func start(_ key: Int) -> Int { ((sequence * keys + key) * keyHeads + keyHead) * width }
          let scores = visible.map { key -> Double in
            var sum = 0.0
            for i in 0..<width { sum += q[qStart + i] * k[start(key) + i] }
            sum *= scale
            if let softCap { sum = softCap * tanh(sum / softCap) }
            return sum + (bias.map { $0[head * ($0.count / heads) + key - own(row) + keys - 1] } ?? 0)
          }
          let peak = scores.max() ?? 0
          let total = scores.reduce(0) { $0 + exp($1 - peak) }
          logSums[(sequence * heads + head) * queries + query] = peak + log(total)
          // Masks count keys from the first one that the block of 64 queries sees.
          var origin = Int.max
          for other in query / 64 * 64..<min(query / 64 * 64 + 64, queries) {
            let place = sequence * queries + other
            if !seen(place).isEmpty { origin = min(origin, seen(place).lowerBound) }
          }
          let weights = zip(visible, scores).map { key, score in
            exp(score - peak)
              * (dropout?.factor(
                sample: sampleIDs[sequence], position: query, element: key - origin, plane: head) ?? 1)
          }
          for (key, weight) in zip(visible, rounding?(weights) ?? weights) where weight != 0 {
            for i in 0..<width { output[qStart + i] += weight / total * v[start(key) + i] }
          }
        }
      }
    }
    return (output, logSums)
  }

  /// The number of a query's own key.
  private func own(_ row: Int) -> Int { isCausal ? Int(endKeys[row]) - 1 : row % queries }

  /// The keys of a query's interval that are in its window.
  private func seen(_ row: Int) -> Range<Int> {
    let interval = Int(firstKeys[row])..<Int(endKeys[row])
    guard let window, !interval.isEmpty else { return interval }
    let near =
      isCausal
      ? own(row) - window + 1..<own(row) + 1 : own(row) - window / 2..<own(row) + window / 2 + 1
    return interval.clamped(to: near)
  }
}
