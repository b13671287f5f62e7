// How the numbers of rows become one, and its standard error: as lm-evaluation-harness computes both.
import Base
import Foundation

package protocol Aggregation: Sendable {
  static var name: String { get }
  /// How its standard error is found.
  static var error: StandardError { get }
  init()
  /// - Parameter values: of all rows, at least one.
  /// - Returns: nil where they are not of the kind that it takes.
  func callAsFunction(_ values: [JSON]) -> Double?
  /// The value of samples of the rows.
  /// - Parameter values: of all rows.
  /// - Returns: what gives the value of rows by their places.
  func prepared(_ values: [JSON]) -> (([Int]) -> Double)?
}

package enum StandardError: Sendable {
  /// That of a mean.
  case ofMean
  /// The deviation over samples of the rows, at most so many.
  case bootstrap(most: Int)
  case none
}

enum Aggregations {
  static let all: [any Aggregation.Type] = [
    Mean.self, NaNMean.self, Median.self, Perplexity.self, WeightedPerplexity.self, BitsPerByte.self,
    BinaryF1.self, Matthews.self, BrierScore.self, CorpusBLEU.self, CorpusCHRF.self,
  ]
}

extension Aggregation {
  package func prepared(_ values: [JSON]) -> (([Int]) -> Double)? {
    guard self(values) != nil else { return nil }
    return { places in self(places.map { values[$0] }) ?? .nan }
  }
}

extension [JSON] {
  /// All as numbers; nil if one is none.
  var numbers: [Double]? {
    var numbers: [Double] = []
    numbers.reserveCapacity(count)
    for value in self {
      guard let number = value.double ?? value.bool.map({ $0 ? 1 : 0 }) else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// All as pairs of numbers; nil if one is none.
  var pairs: [(Double, Double)]? {
    var pairs: [(Double, Double)] = []
    for value in self {
      guard let parts = value.elements, parts.count == 2, let a = parts[0].double, let b = parts[1].double
      else {
        return nil
      }
      pairs.append((a, b))
    }
    return pairs
  }
}

package enum Statistics {
  /// Added from the front, as Python 3.11 does.
  package static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// The deviation of a sample.
  static func deviation(_ values: [Double]) -> Double {
    let mean = mean(values)
    return sqrt(values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1))
  }

  package static func errorOfMean(_ values: [Double]) -> Double {
    deviation(values) / sqrt(Double(values.count))
  }

  static let usualSamples = 100_000

  /// The deviation of a value over samples of the rows, drawn as the harness draws them: a thousand for each seed.
  package static func bootstrap(rows: Int, samples: Int, _ value: ([Int]) -> Double) -> Double {
    let chunk = min(1000, samples)
    var values: [Double] = []
    for seed in 0..<samples / chunk {
      var random = PythonRandom(seed: seed)
      for _ in 0..<chunk { values.append(value(random.choices(rows, of: rows))) }
    }
    return deviation(values)
  }
}
