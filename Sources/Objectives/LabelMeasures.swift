// How well labels were predicted, as scikit-learn counts it.

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

  /// The mean of the labels' F1 scores, over labels that a row has or was given (`f1_score(average="macro")`).
  package var f1Macro: Double {
    var sum = 0.0
    var labels = 0
    for ((have, given), both) in zip(zip(support, predicted), right) where have + given > 0 {
      sum += 2 * both / (have + given)
      labels += 1
    }
    return sum / Double(labels)
  }
}
