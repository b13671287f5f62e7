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

  package init(
    sequences: Int, queries: Int, keys: Int, heads: Int, keyHeads: Int, width: Int, scale: Double,
    firstKeys: [Int32], endKeys: [Int32], dropout: DropoutReference?, sampleIDs: [Int32]
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
  }

  /// - Parameters:
  ///   - q: [B · T, H · D]; k and v: [B · N, G · D].
  /// - Returns: outputs [B · T, H · D] and log-sum-exps [B, H, T].
  package func forward(q: [Double], k: [Double], v: [Double]) -> (output: [Double], logSums: [Double]) {
    var output = [Double](repeating: 0, count: sequences * queries * heads * width)
    var logSums = [Double](repeating: 0, count: sequences * heads * queries)
    for sequence in 0..<sequences {
      for head in 0..<heads {
        let keyHead = head / (heads / keyHeads)
        for query in 0..<queries {
          let row = sequence * queries + query
          let visible = Int(firstKeys[row])..<Int(endKeys[row])
          if visible.isEmpty { continue }
          let qStart = (row * heads + head) * width
          func start(_ key: Int) -> Int { ((sequence * keys + key) * keyHeads + keyHead) * width }
          let scores = visible.map { key -> Double in
            var sum = 0.0
            for i in 0..<width { sum += q[qStart + i] * k[start(key) + i] }
            return sum * scale
          }
          let peak = scores.max() ?? 0
          let total = scores.reduce(0) { $0 + exp($1 - peak) }
          logSums[(sequence * heads + head) * queries + query] = peak + log(total)
          // Masks count keys from the first one that the block of 64 queries sees.
          var origin = Int.max
          for other in query / 64 * 64..<min(query / 64 * 64 + 64, queries) {
            let place = sequence * queries + other
            if firstKeys[place] < endKeys[place] { origin = min(origin, Int(firstKeys[place])) }
          }
          for (key, score) in zip(visible, scores) {
            let factor =
              dropout?.factor(
                sample: sampleIDs[sequence], position: query, element: key - origin, plane: head) ?? 1
            let probability = exp(score - peak) / total * factor
            if probability == 0 { continue }
            for i in 0..<width { output[qStart + i] += probability * v[start(key) + i] }
          }
        }
      }
    }
    return (output, logSums)
  }
}
