// Which modules of a model an adapter stands beside, and which it trains as a whole.
import Base

/// Settings that PEFT's adapters share.
struct ChosenModules {
  /// What is meant by the targets of a method, and where they are named; nil for all projections.
  var targets: (pattern: ModulePattern, place: String)?
  var exclude: (pattern: ModulePattern, place: String)?
  var modulesToSave: [String]

  /// - Parameter problems: gets every name that means nothing.
  func modules(of model: AdaptedModel, _ problems: Problems) -> (targets: [String], saved: [String]) {
    let projections = model.projections
    var targets =
      problems.collect {
        try self.targets.map { try $0.pattern.modules(among: projections, at: $0.place) } ?? projections
      } ?? []
    if let exclude {
      let excluded =
        problems.collect { try exclude.pattern.modules(among: projections, at: exclude.place) } ?? []
      targets.removeAll { excluded.contains($0) }
      if targets.isEmpty, problems.errors.isEmpty {
        problems.add(.usage, "leaves no target", at: exclude.place)
      }
    }
    let modules = Set(model.parameters.map { model.module(of: $0.name) }).sorted()
    let named =
      problems.collect {
        try ModulePattern.names(modulesToSave).modules(among: modules, at: "method.modules_to_save")
      } ?? []
    return (targets, modules.filter { named.contains($0) || model.modulesAlwaysSaved.contains($0) })
  }

  /// Reports targets that are trained as a whole too.
  static func checkApart(
    _ targets: [String], _ saved: [String], _ what: String, hint: String, _ problems: Problems
  ) {
    for module in saved where targets.contains(module) {
      problems.add(
        .usage, "\(module) is trained as a whole and has \(what)", at: "method.modules_to_save", hint: hint)
    }
  }

  /// Whether the head and the embedding, which are one, part because one of them is named.
  func partsHead(of model: AdaptedModel) -> Bool {
    guard model.isTied else { return false }
    let named = ModulePattern.names(modulesToSave)
    return [model.outputEmbedding, model.head].contains { named.matches(model.module(of: $0)) }
  }
}
