// One run of a search: its number and seed decide its settings, whatever ran beside it.
import Base

package struct Trial: Sendable {
  /// From 0.
  package let number: Int
  package let settings: [(key: String, value: JSON)]

  package init(number: Int, settings: [(key: String, value: JSON)]) {
    self.number = number
    self.settings = settings
  }

  /// Settings of a recipe, `section.key=value`.
  package var assignments: [String] { settings.map { "\($0.key)=\($0.value.encoded())" } }

  /// For people.
  package var words: String { settings.map { "\($0.key) \($0.value.encoded())" }.joined(separator: ", ") }
}

/// How settings are chosen: `--method`.
package enum SearchMethod: String, CaseIterable, Sendable {
  /// All combinations of some values of each setting.
  case grid
  /// Each setting drawn by itself (Bergstra and Bengio 2012).
  case random
  /// The same, of which the better ones go on (successive halving, Jamieson and Talwalkar 2016).
  case halving
  /// Drawn in rounds, each from what came of those before (tree-structured Parzen estimator).
  case tpe
  /// One run whose learning rate rises (range test).
  case range

  /// A trial whose settings are each drawn by themselves.
  func trial(_ space: SearchSpace, number: Int, seed: UInt64) -> Trial {
    let values = space.settings.map { setting in
      var key = FNV1a(setting.key.utf8)
      key.mix(UInt64(number))
      var stream = PhiloxStream(seed: seed, stream: key.value)
      return setting.range.value(at: stream.unit())
    }
    return Trial(number: number, settings: space.trial(values))
  }

  /// - Parameters:
  ///   - count: of trials; a grid has as many as it has, at most so many.
  ///   - points: of a grid, for each setting with a range.
  package func trials(_ space: SearchSpace, count: Int, seed: UInt64, points: Int) -> [Trial] {
    switch self {
    case .random, .halving: return (0..<count).map { trial(space, number: $0, seed: seed) }
    // The others follow from results.
    case .range: return [Trial(number: 0, settings: RangeTest.settings(space))]
    case .tpe: return (0..<min(count, TreeParzen.first)).map { trial(space, number: $0, seed: seed) }
    case .grid:
      var all: [[JSON]] = [[]]
      for setting in space.settings {
        let values = setting.range.grid(points)
        all = all.flatMap { head in values.map { head + [$0] } }
        // No grid that anyone could run is larger.
        if all.count > 1 << 20 { break }
      }
      var trials: [Trial] = []
      for values in all where values.count == space.settings.count && trials.count < count {
        let settings = space.trial(values)
        // A condition that does not hold makes combinations alike.
        let isKnown = trials.contains { other in
          other.settings.count == settings.count
            && zip(other.settings, settings).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        }
        if !isKnown { trials.append(Trial(number: trials.count, settings: settings)) }
      }
      return trials
    }
  }
}

/// What came of a trial.
package struct TrialResult: Sendable {
  package enum State: String, Sendable, CaseIterable {
    case done, failed, stopped, waiting
  }

  package let trial: Trial
  package var state: State
  /// nil where nothing was measured.
  package var loss: Double?
  package var seconds: Double
  package var steps: Int
  /// Why it failed; empty where it did not.
  package var reason: String

  package init(
    _ trial: Trial, state: State = .waiting, loss: Double? = nil, seconds: Double = 0, steps: Int = 0,
    reason: String = ""
  ) {
    (self.trial, self.state, self.loss) = (trial, state, loss)
    (self.seconds, self.steps, self.reason) = (seconds, steps, reason)
  }

  /// Those with a loss come first, the lowest at the front; equals by their number.
  package static func better(_ a: TrialResult, _ b: TrialResult) -> Bool {
    let (x, y) = (a.loss ?? .infinity, b.loss ?? .infinity)
    return x == y ? a.trial.number < b.trial.number : x < y
  }
}
