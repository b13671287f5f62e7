// Groups of parameters that the optimizer treats apart: `optimizer.groups`.
import Adapters
import Base
import Models
import Tensors

/// Parameters with a learning rate or a weight decay of their own.
package struct ParameterGroup: Sendable {
  package var match: ModulePattern
  /// The peak of the schedule; nil for that of the others.
  package var learningRate: Double?
  /// It applies to norms and biases too; nil for that of the others.
  package var weightDecay: Double?
  /// What messages name.
  private let place: String

  package init(_ section: Section) {
    place = section.keyPath("match")
    match = ModulePattern(section, "match") ?? .names([])
    if !section.has("match") {
      section.fail("match", "is missing", hint: "give a list of names or a regular expression")
    }
    func number(_ key: String) -> Double? {
      section.has(key) ? section.number(key, default: 0, in: 0...1e3) : nil
    }
    learningRate = number("learning_rate")
    weightDecay = number("weight_decay")
    if learningRate == nil, weightDecay == nil {
      section.fail("match", "has neither learning_rate nor weight_decay beside it")
    }
  }

  /// The trained parameters that it means.
  func parameters(of model: ModelDescription) throws -> Set<String> {
    try match.parameters(among: model.parameters.filter(\.trains).map(\.name), at: place)
  }

  fileprivate var settings: JSON {
    func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
    return .object([
      "match": .string("\(match)"), "learning_rate": number(learningRate),
      "weight_decay": number(weightDecay),
    ])
  }
}

extension OptimizerRecipe {
  /// The model with the rates and decays of its groups and layers.
  /// - Throws: every pattern that means nothing that is trained.
  package func grouped(_ model: ModelDescription) throws -> ModelDescription {
    guard !groups.isEmpty || layerDecay != nil else { return model }
    let problems = Problems()
    let meant = groups.map { group in problems.collect { try group.parameters(of: model) } ?? [] }
    try problems.throwIfAny()
    let factors = layerDecay.map(model.layerFactors)
    var place = 0
    return model.setting { parameter in
      if let index = meant.firstIndex(where: { $0.contains(parameter.name) }) {
        if let rate = groups[index].learningRate { parameter.rateFactor = rate / learningRate }
        parameter.weightDecay = groups[index].weightDecay
      }
      if let factors { parameter.rateFactor *= factors[place] }
      place += 1
    }
  }

  /// What decides results, to compare with when a run goes on; nil without groups.
  package var groupSettings: JSON? { groups.isEmpty ? nil : .array(groups.map(\.settings)) }
}
