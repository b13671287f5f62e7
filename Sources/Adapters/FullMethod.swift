// Every parameter is trained, or those that patterns choose.
import Base
import Graph

package struct FullMethod: Method {
  package static let name = "full"

  /// What is not trained, or what alone is; at most one of them is given.
  package var freeze: ModulePattern?
  package var train: ModulePattern?

  package init() {}

  package init(_ settings: Section) {
    freeze = ModulePattern(settings, "freeze")
    train = ModulePattern(settings, "train")
    if freeze != nil, train != nil {
      settings.fail("train", "is given beside freeze", hint: "leave one of them out")
    }
  }

  package var trainsEverything: Bool { freeze == nil && train == nil }

  package var settings: JSON {
    let patterns = [("freeze", freeze), ("train", train)].compactMap { key, pattern in
      pattern.map { (key, JSON.string("\($0)")) }
    }
    return .object(members: [("name", .string(Self.name))] + patterns)
  }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    if trainsEverything { return FullFineTuning() }
    let names = model.parameters.map(\.name)
    let key = freeze == nil ? "method.train" : "method.freeze"
    var trained: Set<String>
    if let freeze {
      let frozen = try freeze.parameters(among: names, at: key)
      if let new = names.first(where: { frozen.contains($0) && model.newParameters.contains($0) }) {
        throw UserError(
          .usage, "means \(new), which begins at random", at: key, hint: "what is new must be trained")
      }
      trained = Set(names).subtracting(frozen)
    } else {
      trained = try train?.parameters(among: names, at: key) ?? []
      if !trained.isEmpty { trained.formUnion(model.newParameters) }
    }
    guard !trained.isEmpty else { throw UserError(.usage, "leaves nothing to train", at: key) }
    return PartialTraining(trained: trained)
  }
}
