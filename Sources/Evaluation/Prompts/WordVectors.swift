// How much rows are alike by their words: cosines of counts that rare words weigh more in (tf-idf).
import Base
import Foundation

struct WordVectors: Sendable {
  /// Of each row, the weights of its words, of length 1.
  private let rows: [[String: Double]]
  private let weights: [String: Double]

  init(_ docs: [JSON]) {
    let counts = docs.map(Self.counts)
    var having: [String: Int] = [:]
    for row in counts { for word in row.keys { having[word, default: 0] += 1 } }
    let weights = having.mapValues { log(Double(docs.count + 1) / Double($0 + 1)) + 1 }
    self.weights = weights
    rows = counts.map { Self.normal($0, weights) }
  }

  /// The words of all texts of a row.
  private static func counts(_ doc: JSON) -> [String: Int] {
    var counts: [String: Int] = [:]
    func add(_ json: JSON) {
      if let text = json.text {
        for word in text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
          counts[String(word), default: 0] += 1
        }
      }
      for element in json.elements ?? json.members?.map(\.value) ?? [] { add(element) }
    }
    add(doc)
    return counts
  }

  private static func normal(_ counts: [String: Int], _ weights: [String: Double]) -> [String: Double] {
    let values = counts.map { ($0.key, Double($0.value) * (weights[$0.key] ?? 0)) }.sorted { $0.0 < $1.0 }
    let length = values.reduce(0) { $0 + $1.1 * $1.1 }.squareRoot()
    return Dictionary(uniqueKeysWithValues: values.map { ($0.0, length > 0 ? $0.1 / length : 0) })
  }

  /// The places of the rows that are most like a row, the most alike last, where it stands nearest to the question.
  func nearest(_ count: Int, to doc: JSON, without: (Int) -> Bool) -> [Int] {
    let own = Self.normal(Self.counts(doc), weights).sorted { $0.key < $1.key }
    let cosines = rows.indices.filter { !without($0) }.map { place in
      (place, own.reduce(0.0) { $0 + $1.value * (rows[place][$1.key] ?? 0) })
    }
    return cosines.sorted { ($0.1, $1.0) > ($1.1, $0.0) }.prefix(count).map(\.0).reversed()
  }

  /// The places of rows that together have the most weight of words, one after the other.
  func covering(_ count: Int) -> [Int] {
    var covered: Set<String> = []
    var places: [Int] = []
    while places.count < min(count, rows.count) {
      var best: (place: Int, gain: Double)?
      for (place, row) in rows.enumerated() where !places.contains(place) {
        let words = row.keys.filter { !covered.contains($0) }.sorted()
        // Long rows do not win by their length alone.
        let gain = words.reduce(0) { $0 + (weights[$1] ?? 0) } / Double(row.count + 10).squareRoot()
        if best == nil || gain > best!.gain { best = (place, gain) }
      }
      guard let best else { break }
      covered.formUnion(rows[best.place].keys)
      places.append(best.place)
    }
    return places
  }

  /// Groups of rows that are alike, the largest first.
  func clusters(_ count: Int) -> [[Int]] {
    CosineClusters(
      rows, count: count,
      // In the order of words, so that sums are the same each time.
      cosine: { a, b in
        a.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * (b[$1.key] ?? 0) }
      }, mean: Self.mean
    ).groups.map(\.places)
  }

  /// The words that weigh most in some rows together.
  func words(of places: [Int]) -> [String] {
    let sums = Self.mean(places.map { rows[$0] }) ?? [:]
    return sums.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(6).map(\.key)
  }

  private static func mean(_ rows: [[String: Double]]) -> [String: Double]? {
    var sum: [String: Double] = [:]
    for row in rows { for (word, weight) in row { sum[word, default: 0] += weight } }
    let length = sum.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * $1.value }.squareRoot()
    return length > 0 ? sum.mapValues { $0 / length } : nil
  }
}
