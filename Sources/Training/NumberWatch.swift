// Looks at every step's loss and gradient norm before the weights are updated, and decides whether they are.
import Base
import Checkpoints
import Recipes

/// What was wrong with a step's numbers.
package struct NumberFinding: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    case loss
    case norm
    /// A finite norm so many times the median of those before it.
    case farNorm(Double, median: Double, of: Int)
  }

  package var kind: Kind
  /// Whether the update was left out.
  package var isWithheld: Bool
  /// Whether the run ends here.
  package var stops: Bool
  /// Which samples, for a message; only where there is someone to tell.
  package var samples = ""
  /// How many steps in a row, this one included, were not finite and left out.
  package var inARow = 0

  /// - Parameter step: which one it was.
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
  /// Norms that the median is of, and how many there must be at least.
  package static let longest = 64
  package static let fewest = 16
  /// So many steps in a row that are not finite are no matter of their samples.
  package static let mostInARow = 16

  package let action: SpikeAction
  /// How many times the median is far; 0 for never.
  package let factor: Double
  /// Norms also of steps left out: a lasting change is then no spike for long.
  package private(set) var history = NumberHistory()

  package init(action: SpikeAction = .stop, factor: Double = 10) {
    self.action = action
    self.factor = factor
    history.norms.reserveCapacity(Self.longest + 1)
  }

  /// Goes on from a checkpoint.
  mutating func restore(_ history: NumberHistory) {
    self.history = history
    self.history.norms = history.norms.suffix(Self.longest)
  }

  /// Looks at a step's numbers before its update, and remembers them.
  /// - Returns: nil where nothing is wrong.
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

  /// The place of the median, the lower of the two in the middle of an even number.
  private var middle: Int { (history.norms.count - 1) / 2 }

  /// Whether a norm is more than `factor` times the median, without sorting: a step allocates nothing.
  private func isFar(_ norm: Double) -> Bool {
    guard factor > 0, history.norms.count >= Self.fewest else { return false }
    return history.norms.count { norm > factor * $0 } > middle
  }
}
