// BitFit (Ben Zaken et al. 2022): biases alone are trained, those of norms too, and a head for labels as a whole.
import Base
import Graph

package struct BitFit: Method {
  package static let name = "bitfit"

  package init(_ settings: Section) {}

  package var settings: JSON { .object(["name": .string(Self.name)]) }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let biases = model.parameters.map(\.name).filter { $0.hasSuffix(".bias") }
    guard !biases.isEmpty else {
      throw UserError(
        .usage, "is bitfit, and this model has no biases", at: "method",
        hint: "method: layernorm trains its norms")
    }
    return PartialTraining(trained: model.alwaysTrained.union(biases))
  }
}
