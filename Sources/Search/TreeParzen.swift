// Settings that follow from what came of earlier trials: the tree-structured Parzen estimator (Bergstra et al. 2011), each
// setting by itself, with the choices of optuna's TPESampler. Of 24 values that are drawn as the best tenth of trials has
// them, that is taken which is most likely among these beside all others.
//
// Trials are drawn in rounds of a fixed number, so that what a trial knows does not depend on how many ran beside it.
import Base
import Foundation

package struct TreeParzen: Sendable {
  /// Trials that are drawn as `random` draws them, before there is anything to learn.
  package static let first = 10
  private static let candidates = 24
  private let space: SearchSpace
  private let seed: UInt64

  package init(_ space: SearchSpace, seed: UInt64) { (self.space, self.seed) = (space, seed) }

  /// The settings of a trial.
  /// - Parameter results: of all trials of earlier rounds. Those that failed tell nothing.
  package func trial(_ number: Int, after results: [TrialResult]) -> Trial {
    let known = results.filter { $0.state == .done && $0.loss?.isFinite == true }
    guard number >= Self.first, known.count > 1 else {
      return SearchMethod.random.trial(space, number: number, seed: seed)
    }
    let count = min(Int((0.1 * Double(known.count)).rounded(.up)), 25)
    let good = Set(known.sorted(by: TrialResult.better).prefix(count).map(\.trial.number))
    let (better, others) = (
      known.filter { good.contains($0.trial.number) }, known.filter { !good.contains($0.trial.number) }
    )
    let values = space.settings.map { setting -> JSON in
      func given(_ results: [TrialResult]) -> [JSON] {
        results.sorted { $0.trial.number < $1.trial.number }.compactMap { result in
          result.trial.settings.first { $0.key == setting.key }?.value
        }
      }
      let below = ParzenEstimator(setting.range, given(better))
      let above = ParzenEstimator(setting.range, given(others))
      var key = FNV1a(setting.key.utf8)
      key.mix(UInt64(number))
      var stream = PhiloxStream(seed: seed, stream: key.value)
      var best: (value: JSON, gain: Double)?
      for _ in 0..<Self.candidates {
        let value = below.draw(setting.range, &stream)
        let gain = below.logDensity(value, setting.range) - above.logDensity(value, setting.range)
        if best.map({ gain > $0.gain }) ?? true { best = (value, gain) }
      }
      return best?.value ?? below.draw(setting.range, &stream)
    }
    return Trial(number: number, settings: space.trial(values))
  }
}
