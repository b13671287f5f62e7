// The section `dropout` of a recipe: probabilities in the place of those of a model's config.json.
import Base
import Models

package struct DropoutRecipe: Sendable {
  package var parts: [DroppedPart: Double] = [:]

  init(_ section: Section) {
    for part in DroppedPart.allCases where section.has(part.rawValue) {
      parts[part] = section.number(part.rawValue, default: 0, in: 0...0.99)
    }
  }
}

extension Recipe {
  func checkRegularisation(_ top: Section) {
    let task = type(of: objective)
    if training.noise > 0, !objective.dropsOut || isOnHeadAlone {
      top.section("training").fail(
        "neftune_noise_alpha",
        isOnHeadAlone
          ? "is noise on embeddings, and features are computed once"
          : "is noise, and task \(task.name) compares what a model gives without any",
        hint: "leave it out")
    }
    if objective.isSmoothed, keep.divergence > 0 || keep.elastic != nil {
      let key = keep.divergence > 0 ? "kl_to_base" : "ewc"
      top.section("keep").fail(
        key, "stands beside a loss with label_smoothing, which is no likelihood",
        hint: "leave one of them out")
    }
  }
}
