// Layer-wise rates: what lies lower learns more slowly (Howard & Ruder 2018), by the powers that ELECTRA and BEiT take.
import Adapters
import Models
import Tensors

extension ModelDescription {
  /// What the rate of each parameter is multiplied by, in the order of `parameters`: 1 for what stands behind the last
  /// layer, the decay for the last layer itself, and one factor more for each layer below. Embeddings are below the
  /// first layer. The layers of a decoder stand above those of its encoder.
  func layerFactors(_ decay: Double) -> [Double] {
    var depths: [Int] = []
    var depth = 0
    var layer: Int?
    let last = parameters.lastIndex { AdaptedModel.layer(of: $0.name) != nil } ?? -1
    for (place, parameter) in parameters.enumerated() {
      if let own = AdaptedModel.layer(of: parameter.name), own != layer {
        depth += 1
        layer = own
      } else if place == last + 1 {
        depth += 1
      }
      depths.append(depth)
    }
    return depths.map { power(decay, depth - $0) }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1.0) { product, _ in product * base }
  }
}
