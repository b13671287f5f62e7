// Which labels rows have, and which they were given.
import Foundation

package struct ConfusionMatrix {
  /// [labels][labels]: rows of the matrix are labels that the data has, columns those that were given.
  package private(set) var counts: [[Int]]

  package init(labels: Int) { counts = Array(repeating: Array(repeating: 0, count: labels), count: labels) }

  package mutating func count(_ label: Int, predicted: Int) { counts[label][predicted] += 1 }

  /// Matthews' correlation of all labels (`matthews_corrcoef`); 0 where one side has a single label.
  package var matthews: Double {
    let support = counts.map { Double($0.reduce(0, +)) }
    let given = counts.indices.map { column in Double(counts.reduce(0) { $0 + $1[column] }) }
    let all = support.reduce(0, +)
    let right = counts.indices.reduce(0.0) { $0 + Double(counts[$1][$1]) }
    let both = zip(support, given).reduce(0) { $0 + $1.0 * $1.1 }
    let spread =
      (all * all - support.reduce(0) { $0 + $1 * $1 }) * (all * all - given.reduce(0) { $0 + $1 * $1 })
    return spread > 0 ? (right * all - both) / spread.squareRoot() : 0
  }
}
