// mean, nanmean, median.
import Base

package struct Mean: Aggregation {
  package init() {}
  package static let name = "mean"
  package static let error = StandardError.ofMean
  package func callAsFunction(_ values: [JSON]) -> Double? { values.numbers.map(Statistics.mean) }
}

package struct NaNMean: Aggregation {
  package init() {}
  package static let name = "nanmean"
  package static let error = StandardError.bootstrap(most: Statistics.usualSamples)
  package func callAsFunction(_ values: [JSON]) -> Double? {
    values.map { $0.isNull ? .number(.nan) : $0 }.numbers.map { numbers in
      let kept = numbers.filter { !$0.isNaN }
      return kept.isEmpty ? .nan : Statistics.mean(kept)
    }
  }
}

package struct Median: Aggregation {
  package init() {}
  package static let name = "median"
  package static let error = StandardError.bootstrap(most: Statistics.usualSamples)
  package func callAsFunction(_ values: [JSON]) -> Double? {
    values.numbers.map { $0.sorted()[$0.count / 2] }
  }
}
