// perplexity, weighted_perplexity, bits_per_byte: of log-likelihoods in nats.
import Base
import Foundation

package struct Perplexity: Aggregation {
  package init() {}
  package static let name = "perplexity"
  package static let error = StandardError.bootstrap(most: Statistics.usualSamples)
  package func callAsFunction(_ values: [JSON]) -> Double? {
    values.numbers.map { exp(-Statistics.mean($0)) }
  }

  package func prepared(_ values: [JSON]) -> (([Int]) -> Double)? {
    guard let numbers = values.numbers else { return nil }
    return { places in exp(-places.reduce(0) { $0 + numbers[$1] } / Double(places.count)) }
  }
}

/// Of texts with their words or bytes.
package struct WeightedPerplexity: Aggregation {
  package init() {}
  package static let name = "weighted_perplexity"
  package static let error = StandardError.none
  package func callAsFunction(_ values: [JSON]) -> Double? { values.pairs.map { exp(-Self.mean($0)) } }

  static func mean(_ pairs: [(Double, Double)]) -> Double {
    pairs.reduce(0) { $0 + $1.0 } / pairs.reduce(0) { $0 + $1.1 }
  }
}

package struct BitsPerByte: Aggregation {
  package init() {}
  package static let name = "bits_per_byte"
  package static let error = StandardError.none
  package func callAsFunction(_ values: [JSON]) -> Double? {
    values.pairs.map { -WeightedPerplexity.mean($0) / log(2) }
  }
}
