// The sums that answers leave beside their loss, and the numbers that logs make of them.
import Base

struct PreferenceSums {
  /// Places of the sums; those of better and worse (or wanted and unwanted) answers are neighbours.
  enum Place: Int, CaseIterable {
    case better, worse
    case betterRewards, worseRewards
    case betterLogs, worseLogs
    case betterTokens, worseTokens
    /// Pairs whose better answer has the larger reward.
    case right
    /// What stands for the divergence from the reference, for each answer.
    case divergence
    /// The loss without the cross-entropy of better answers.
    case loss
    /// That cross-entropy, and how many tokens it is of.
    case crossEntropy, crossEntropyTokens
  }

  static let count = Place.allCases.count
  private let values: [Double]

  init(_ sums: [Double]) { values = sums }

  subscript(_ place: Place) -> Double { values[place.rawValue] }

  /// A mean, where there is something that it is of.
  private func mean(_ place: Place, of count: Place) -> Double? {
    self[count] > 0 ? self[place] / self[count] : nil
  }

  /// - Parameter isOfPairs: whether each better answer has a worse one.
  func scalars(isOfPairs: Bool, hasReference: Bool) -> [Scalar] {
    let rewards = (mean(.betterRewards, of: .better), mean(.worseRewards, of: .worse))
    let margin = rewards.0.flatMap { better in rewards.1.map { better - $0 } }
    let all = self[.better] + self[.worse]
    var scalars: [Scalar?] = [
      rewards.0.map { Scalar("rewards/chosen", detail: $0) },
      rewards.1.map { Scalar("rewards/rejected", detail: $0) },
      margin.map { Scalar("rewards/margins", $0) },
      isOfPairs ? mean(.right, of: .better).map { Scalar("rewards/accuracies", $0) } : nil,
      mean(.betterLogs, of: .better).map { Scalar("logps/chosen", detail: $0) },
      mean(.worseLogs, of: .worse).map { Scalar("logps/rejected", detail: $0) },
      mean(.betterTokens, of: .better).map { Scalar("lengths/chosen", detail: $0) },
      mean(.worseTokens, of: .worse).map { Scalar("lengths/rejected", detail: $0) },
    ]
    if hasReference, all > 0 { scalars.append(Scalar("kl", detail: self[.divergence] / all)) }
    scalars.append(mean(.crossEntropy, of: .crossEntropyTokens).map { Scalar("nll_loss", detail: $0) })
    return scalars.compactMap { $0 }
  }
}

/// Adds to the sums of a micro-batch.
struct PreferenceTally {
  /// [PreferenceSums.count]
  let base: UnsafeMutablePointer<Double>

  func add(_ value: Double, to place: PreferenceSums.Place) { base[place.rawValue] += value }

  /// - Parameters:
  ///   - logs: as logs show it.
  func add(isWanted: Bool, reward: Double, logs: Double, tokens: Double) {
    add(1, to: isWanted ? .better : .worse)
    add(reward, to: isWanted ? .betterRewards : .worseRewards)
    add(logs, to: isWanted ? .betterLogs : .worseLogs)
    add(tokens, to: isWanted ? .betterTokens : .worseTokens)
  }
}
