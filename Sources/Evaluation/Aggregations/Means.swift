// mean, nanmean, median.
import Base

struct Mean: Aggregation {
  static let name = "mean"
  static let error = StandardError.ofMean
  func callAsFunction(_ values: [JSON]) -> Double? { values.numbers.map(Statistics.mean) }
}

struct NaNMean: Aggregation {
  static let name = "nanmean"
  static let error = StandardError.bootstrap(most: Statistics.usualSamples)
  func callAsFunction(_ values: [JSON]) -> Double? {
    values.map { $0.isNull ? .number(.nan) : $0 }.numbers.map { numbers in
      let kept = numbers.filter { !$0.isNaN }
      return kept.isEmpty ? .nan : Statistics.mean(kept)
    }
  }
}

struct Median: Aggregation {
  static let name = "median"
  static let error = StandardError.bootstrap(most: Statistics.usualSamples)
  func callAsFunction(_ values: [JSON]) -> Double? { values.numbers.map { $0.sorted()[$0.count / 2] } }
}
