// Successive halving (Jamieson and Talwalkar 2016): all trials take a few steps; the best third of them goes on with three
// times as many, and so on to the whole run.

package struct Halving: Sendable {
  /// How many steps a trial has done at the end of each rung; the last are those of the recipe.
  package let rungs: [Int]
  private let factor: Int

  /// - Parameters:
  ///   - steps: of a whole run.
  ///   - trials: at the beginning.
  ///   - factor: how many times more steps the next rung has, for as many times fewer trials.
  package init(steps: Int, trials: Int, factor: Int) {
    self.factor = factor
    var rungs = [steps]
    var left = trials
    while left > factor, rungs[0] / factor >= 1 {
      rungs.insert(rungs[0] / factor, at: 0)
      left = (left + factor - 1) / factor
    }
    self.rungs = rungs
  }

  /// The trials that go on after a rung, the best first.
  package func kept(_ results: [TrialResult]) -> [Int] {
    let measured = results.filter { $0.loss?.isFinite == true }.sorted(by: TrialResult.better)
    return measured.prefix(max(1, (results.count + factor - 1) / factor)).map(\.trial.number)
  }
}
