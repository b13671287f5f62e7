// What a model got wrong: the answers of a data set that are not the right ones.
import Base
import Datasets
import Foundation

package struct Mistake: Sendable {
  /// The place of its row in `Evaluated.measuredRows`.
  package let row: Int
  /// Whether the answer is not the right one; otherwise it is only one of the worst.
  package private(set) var isWrong = true
  /// What would have been right, and what the model gave; null where there is none.
  package let gold: JSON
  package let predicted: JSON
  /// The model's probability of what it gave; nil where it has none.
  package let confidence: Double?
  /// In nats, or whatever the loss of the task is; nil where it is not known for one answer.
  package let loss: Double?
  /// What else tells of it, by the names that files give it.
  package let facts: [(key: String, value: JSON)]
  /// The two classes that were taken for each other, null for none; nil where answers have no classes.
  package let classes: (gold: JSON, predicted: JSON)?

  package init(
    row: Int, gold: JSON, predicted: JSON, confidence: Double?, loss: Double? = nil,
    facts: [(key: String, value: JSON)] = [], classes: (gold: JSON, predicted: JSON)? = nil
  ) {
    self.row = row
    self.gold = gold
    self.predicted = predicted
    self.confidence = confidence
    self.loss = loss
    self.facts = facts
    self.classes = classes
  }
}

extension Mistake {
  /// Six decimals: what lies behind them depends on how rows are cut into batches.
  package static func rounded(_ number: Double) -> Double { (number * 1e6).rounded() / 1e6 }

  fileprivate var asOneOfTheWorst: Mistake {
    var mistake = self
    mistake.isWrong = false
    return mistake
  }

  /// The loss of a right answer that has this probability.
  static func loss(ofProbability probability: Double) -> Double { -log(probability) }
}

extension Sequence where Element == Mistake {
  /// The tenth of some rows that has the largest losses, of those that have any: where answers are not right or wrong.
  /// - Parameter rows: how many there are.
  func worstTenth(ofRows rows: Int) -> [Mistake] {
    let sorted = map { (loss: Mistake.rounded($0.loss ?? 0), mistake: $0) }.filter { !($0.loss <= 0) }
      .sorted { ($1.loss, $0.mistake.row) < ($0.loss, $1.mistake.row) }
    return sorted.prefix((rows + 9) / 10).map(\.mistake.asOneOfTheWorst)
  }
}
