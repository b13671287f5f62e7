// Only the head and the last layers are trained. What lies before them has no gradient, and nothing of it is kept.
import Base
import Graph

package struct LastLayers: Method {
  package static let name = "last_layers"
  /// How many layers; 0 for the head alone.
  package let layers: Int

  package init(_ settings: Section) {
    layers = settings.integer("layers", default: 2, in: 0...4096)
  }

  package var settings: JSON { .object(["name": .string(Self.name), "layers": .integer(layers)]) }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let names = model.parameters.map(\.name)
    let stack = Self.lastStack(names)
    let count = (names[stack...].compactMap(AdaptedModel.layer).max() ?? -1) + 1
    guard layers <= count else {
      throw UserError(
        .usage, "is \(layers), and the model has \(counted(count, "layer"))", at: "method.layers",
        hint: "method: full trains all of them")
    }
    // Parameters stand in the order of their use: all from the first trained layer on.
    let last = names.lastIndex { AdaptedModel.layer(of: $0) != nil } ?? -1
    let first =
      layers == 0
      ? last + 1 : names[stack...].firstIndex { AdaptedModel.layer(of: $0) == count - layers } ?? last + 1
    let trained = Set(names[first...])
    guard layers > 0 || trained.contains(model.outputEmbedding) else {
      throw UserError(
        .usage, "is 0, and the head of this model is its input embedding", at: "method.layers",
        hint: "set method.layers=1 or more")
    }
    return PartialTraining(trained: trained)
  }

  /// Where the last stack of layers begins: those of a decoder behind an encoder count from 0 again.
  private static func lastStack(_ names: [String]) -> Int {
    var (start, before) = (0, 0)
    for (place, name) in names.enumerated() {
      guard let layer = AdaptedModel.layer(of: name) else { continue }
      if layer < before { start = place }
      before = layer
    }
    return start
  }
}
