// Lower layers that are not trained: `keep.freeze_below`.
import Adapters
import Base
import Graph
import Models

/// An adaptation that trains nothing of some parameters.
private struct FrozenPart: Adaptation {
  let others: any Adaptation
  let frozen: Set<String>

  func trains(_ parameter: String) -> Bool { !frozen.contains(parameter) && others.trains(parameter) }
  func rateFactor(of parameter: String, isVector: Bool) -> Double {
    others.rateFactor(of: parameter, isVector: isVector)
  }
}

extension KeepRecipe {
  /// The model with what it freezes: the embeddings, and all layers with a lower number.
  /// - Throws: if the model has no such layer.
  func frozen(_ model: ModelDescription) throws -> ModelDescription {
    guard frozenBelow > 0 else { return model }
    let place = "keep.freeze_below"
    let names = model.parameters.map(\.name)
    let layers = names.compactMap(AdaptedModel.layer)
    let count = (layers.max() ?? -1) + 1
    guard frozenBelow <= count else {
      throw UserError(
        .usage, "is \(frozenBelow), and the model has \(counted(count, "layer"))", at: place,
        hint: "it is the number of the first layer that is trained, from 0")
    }
    let first = names.firstIndex { AdaptedModel.layer(of: $0) != nil } ?? 0
    let last = names.lastIndex { AdaptedModel.layer(of: $0) != nil } ?? -1
    let frozen = names.enumerated().filter { index, name in
      guard !model.newParameters.contains(name) else { return false }
      return AdaptedModel.layer(of: name).map { $0 < frozenBelow } ?? (index < first)
    }
    .map(\.element)
    // An embedding that is the head too is frozen with the layers that it lies below.
    let part = FrozenPart(others: model.adaptation, frozen: Set(frozen))
    let rest = model.adapted(by: part)
    guard last >= 0, rest.parameters.contains(where: \.trains) else {
      throw UserError(.usage, "leaves nothing to train", at: place)
    }
    return rest
  }
}
