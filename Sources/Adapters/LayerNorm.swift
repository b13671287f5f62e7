// LN-tuning (Zhao et al. 2023): weights and biases of all norms are trained, and a head for labels as a whole. PEFT's
// LNTuning trains the same of the norms that it is told.
import Base
import Graph

package struct LayerNorm: Method {
  package static let name = "layernorm"

  package init(_ settings: Section) {}

  package var settings: JSON { .object(["name": .string(Self.name)]) }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let norms = model.parameters.filter(\.isNorm).map(\.name)
    guard !norms.isEmpty else {
      throw UserError(
        .usage, "is layernorm, and this model's norms have no parameters", at: "method",
        hint: "set method=lora")
    }
    return PartialTraining(trained: model.alwaysTrained.union(norms))
  }
}
