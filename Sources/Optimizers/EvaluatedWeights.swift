// Weights that a run measures and keeps, where they are others than those that it trains: an average of them.

package struct EvaluatedWeights: Sendable, Equatable {
  /// The state that holds them, as an index into those of the rule. While the line of weights has them, the state holds
  /// the trained ones, in checkpoints too. It covers every number of every trained parameter, and has them from the first
  /// update on.
  package var state: Int
  /// Whether a policy draws its answers by them.
  package var draws: Bool
  /// What people call them.
  package var words: String

  package init(state: Int, draws: Bool, words: String) {
    (self.state, self.draws, self.words) = (state, draws, words)
  }
}
