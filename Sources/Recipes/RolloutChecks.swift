// Which runs cannot draw answers by weights in a smaller type.
import Adapters
import Base
import Objectives

extension Recipe {
  func checkRollouts(_ top: Section) {
    guard let task = objective as? any PolicyTask, task.rollouts.storage != nil,
      (method as? FullMethod)?.trainsEverything != true
    else { return }
    top.section("task").fail(
      "rollout_dtype",
      "is for a model that is trained as a whole, and method \(type(of: method).name) freezes some",
      hint: "set frozen_dtype: what is frozen is then in that type for everything")
  }
}
