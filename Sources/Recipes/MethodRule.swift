// What a method does beside the optimizer.
import Adapters
import Optimizers
import Tensors

extension Recipe {
  /// The optimizer's rule, with what the method does behind each update, and what a reference that moves leaves.
  package var rule: any UpdateRule {
    guard case .following = objective.reference else { return ruleOfMethod }
    return FollowedRule(ruleOfMethod, then: MovingReference())
  }

  private var ruleOfMethod: any UpdateRule {
    guard let average = keep.average else { return ownRule }
    return AveragedRule(ownRule, decay: average.decay, warmsUp: average.warmsUp)
  }

  private var ownRule: any UpdateRule {
    guard let method = method as? AdaLoRA else { return optimizer.rule }
    let budget = RankBudget(
      firstSteps: method.firstSteps, lastSteps: method.lastSteps, interval: method.interval,
      totalSteps: method.totalSteps ?? 1, targetRank: method.targetRank,
      lostTerms: method.lostTerms)
    return FollowedRule(
      optimizer.rule, then: RankAllocation(budget, beta1: method.beta1, beta2: method.beta2))
  }

  /// What the method adds to the loss; nil if it adds nothing.
  /// - Parameter layout: of what is trained.
  package func penalty(_ layout: ParameterLayout, ledger: MemoryLedger?) -> (any WeightPenalty)? {
    guard let method = method as? AdaLoRA, method.orthogonalWeight > 0 else { return nil }
    return OrthogonalPenalty(layout, weight: method.orthogonalWeight, ledger: ledger)
  }
}
