// f1, matthews_corrcoef, brier_score: of right choices beside those that were given, as scikit-learn computes them.
import Base
import Metrics

struct BinaryF1: Aggregation {
  static let name = "f1"
  static let error = StandardError.bootstrap(most: Statistics.usualSamples)
  func callAsFunction(_ values: [JSON]) -> Double? { prepared(values)?(Array(values.indices)) }

  func prepared(_ values: [JSON]) -> (([Int]) -> Double)? {
    guard let pairs = values.pairs else { return nil }
    return { places in
      var (right, all) = (0.0, 0.0)
      for place in places {
        let (gold, given) = pairs[place]
        if gold == 1, given == 1 { right += 1 }
        all += (gold == 1 ? 1 : 0) + (given == 1 ? 1 : 0)
      }
      return all > 0 ? 2 * right / all : 0
    }
  }
}

struct Matthews: Aggregation {
  static let name = "matthews_corrcoef"
  static let error = StandardError.bootstrap(most: Statistics.usualSamples)
  func callAsFunction(_ values: [JSON]) -> Double? { prepared(values)?(Array(values.indices)) }

  func prepared(_ values: [JSON]) -> (([Int]) -> Double)? {
    guard let pairs = values.pairs else { return nil }
    let labels = Set(pairs.flatMap { [$0.0, $0.1] }).sorted()
    let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    let numbered = pairs.map { (places[$0.0] ?? 0, places[$0.1] ?? 0) }
    return { rows in
      var matrix = ConfusionMatrix(labels: labels.count)
      for row in rows { matrix.count(numbered[row].0, predicted: numbered[row].1) }
      return matrix.matthews
    }
  }
}

/// The mean squared distance of probabilities from the right choice.
struct BrierScore: Aggregation {
  static let name = "brier_score"
  static let error = StandardError.none
  func callAsFunction(_ values: [JSON]) -> Double? {
    var sum = 0.0
    for value in values {
      guard let parts = value.elements, parts.count == 2, let gold = parts[0].integer,
        let shares = parts[1].elements?.numbers,
        shares.indices.contains(gold < 0 ? gold + shares.count : gold)
      else { return nil }
      let place = gold < 0 ? gold + shares.count : gold
      sum += shares.indices.reduce(0) { sum, index in
        let distance = shares[index] - (index == place ? 1 : 0)
        return sum + distance * distance
      }
    }
    return sum / Double(values.count)
  }
}
