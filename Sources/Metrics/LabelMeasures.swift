// How well labels were predicted, as scikit-learn counts it.
import Foundation

package struct LabelMeasures {
  private let support: ArraySlice<Double>
  private let predicted: ArraySlice<Double>
  private let right: ArraySlice<Double>

  /// - Parameter counts: [3 · labels]: for each label, how many rows have it, were given it, and both.
  package init(_ counts: [Double]) {
    let labels = counts.count / 3
    support = counts[..<labels]
    predicted = counts[labels..<2 * labels]
    right = counts[(2 * labels)...]
  }

  /// The share of rows with the right label.
  package var accuracy: Double { right.reduce(0, +) / support.reduce(0, +) }

  /// The F1 score of each label; 0 for one that no row has and none was given.
  package var f1: [Double] {
    zip(zip(support, predicted), right).map { $0.0 + $0.1 > 0 ? 2 * $1 / ($0.0 + $0.1) : 0 }
  }

  /// The mean of the labels' F1 scores, over labels that a row has or was given (`f1_score(average="macro")`).
  package var f1Macro: Double {
    let occurring = zip(support, predicted).map { $0 + $1 > 0 }
    let scores = zip(f1, occurring).filter(\.1).map(\.0)
    return scores.reduce(0, +) / Double(scores.count)
  }

  /// F1 of all decisions together; the accuracy where each row has one label.
  package var f1Micro: Double {
    let all = support.reduce(0, +) + predicted.reduce(0, +)
    return all > 0 ? 2 * right.reduce(0, +) / all : 0
  }
}
