// Checks every step's loss and gradient norm before the weights are updated, and decides whether they are.
import Base
import Checkpoints
import Recipes

/// What was wrong with a step's numbers.
package struct NumberFinding: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    case loss
    case norm
    /// A finite norm that is this many times the median of the norms before it.
    case farNorm(Double, median: Double, of: Int)
  }

  package var kind: Kind
  /// Whether the update was skipped.
  package var isWithheld: Bool
  /// Whether the run ends here.
  package var stops: Bool
  /// The samples behind it, for a message; only if there is someone to tell.
  package var samples = ""
  /// How many steps in a row, this one included, were not finite and skipped.
  package var inARow = 0

  /// - Parameter step: the number of the step.
  package func words(step: Int) -> String {
    let what =
      switch kind {
      case .loss: "the loss of step \(step) is not finite"
      case .norm: "the gradient of step \(step) is not finite"
      case .farNorm(let norm, let median, let count):
        "the gradient norm of step \(step) is \(scientific(norm)), \(decimals(norm / median, 1)) times "
          + "the median of the last \(count)"
      }
    let others = stops && inARow > 1 ? ", as in the \(inARow - 1) steps before" : ""
    return what + others + (samples.isEmpty ? "" : ", " + samples)
  }
}

/// The history that norms are compared with. It is the same on every rank, and goes into checkpoints.
package struct NumberWatch: Sendable, Equatable {
  /// How many norms the median is over, and how many there must be at least.
  package static let longest = 64
  package static let fewest = 16
  /// If this many steps in a row are not finite, their samples are not to blame.
  package static let mostInARow = 16

  package let action: SpikeAction
  /// A norm is far outside if it is more than this many times the median; 0 for never.
  package let factor: Double
  /// The norms, including those of skipped steps, so that a lasting change soon stops being a spike.
  package private(set) var history = NumberHistory()

  package init(action: SpikeAction = .stop, factor: Double = 10) {
    self.action = action
    self.factor = factor
    history.norms.reserveCapacity(Self.longest + 1)
  }

  /// Resumes from a checkpoint.
  mutating func restore(_ history: NumberHistory) {
    self.history = history
    self.history.norms = history.norms.suffix(Self.longest)
  }

  /// Checks a step's numbers before its update, and stores them.
  /// - Returns: nil if nothing is wrong.
  mutating func look(loss: Double, norm: Double) -> NumberFinding? {
    var kind: NumberFinding.Kind?
    if !loss.isFinite {
      kind = .loss
    } else if !norm.isFinite {
      kind = .norm
    } else if isFar(norm) {
      kind = .farNorm(norm, median: history.norms.sorted()[middle], of: history.norms.count)
    }
    if norm.isFinite {
      if history.norms.count == Self.longest { history.norms.removeFirst() }
      history.norms.append(norm)
    }
    let isFinite = loss.isFinite && norm.isFinite
    if isFinite { history.brokenInARow = 0 }
    guard let kind else { return nil }
    let isSkipped = action == .skip
    if isSkipped {
      history.skipped += 1
      if !isFinite { history.brokenInARow += 1 }
    }
    let stops = !isFinite && (action == .stop || history.brokenInARow >= Self.mostInARow)
    return NumberFinding(
      kind: kind, isWithheld: stops || isSkipped, stops: stops, inARow: history.brokenInARow)
  }

  /// The index of the median, the lower of the two middle ones of an even number.
  private var middle: Int { (history.norms.count - 1) / 2 }

  /// Whether a norm is more than `factor` times the median. It does not sort, since a step allocates nothing.
  private func isFar(_ norm: Double) -> Bool {
    guard factor > 0, history.norms.count >= Self.fewest else { return false }
    return history.norms.count { norm > factor * $0 } > middle
  }
}
