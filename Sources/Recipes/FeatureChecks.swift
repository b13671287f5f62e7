// Which recipes a head on features is not for.
import Adapters
import Base
import Objectives

extension Recipe {
  /// What features cannot be computed once for.
  func checkFeatures(_ top: Section) {
    guard let features = method as? Features else { return }
    let task = type(of: objective)
    if task.isJoint || !task.keepsTokens {
      let reason = task.isJoint ? "has a loss of all samples together" : "changes the tokens in each step"
      top.fail("method", "is features, and task \(task.name) \(reason)", hint: "set method=last_layers")
    }
    if training.audit > 0 {
      top.fail(
        "method", "is features, and training.audit computes micro-batches again as a whole",
        hint: "leave training.audit out")
    }
    guard features.isRegression else { return }
    guard let classification = objective as? Classification else {
      return top.fail(
        "method", "has head logistic, and task \(task.name) has no labels for each row",
        hint: "set method.head=linear")
    }
    if classification.isSmoothedOrFocused {
      top.fail(
        "method", "has head logistic, which has no label_smoothing and no focal_gamma",
        hint: "set method.head=linear")
    }
  }
}
