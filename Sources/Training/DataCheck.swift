// What is seen to be wrong with the data of a run before its first step.
import Base
import Datasets
import Inspection
import Models
import Recipes
import Tokenizers

extension InspectionFacts {
  /// - Parameters:
  ///   - options: settled.
  ///   - labels: of a classification; nil for other data.
  package init(
    _ recipe: Recipe, _ model: ModelDescription, _ options: DataOptions, labels: [String]?,
    tokenizer: Tokenizer
  ) {
    self.init(
      options, labels: labels, encoder: model.encoder(tokenizer), tokenizer: tokenizer, folder: recipe.model,
      endsOfGeneration: model.head.kind == .languageModel ? model.endOfGeneration : nil,
      padding: model.config["pad_token_id"]?.integer.flatMap { Int32(exactly: $0) })
  }
}

extension RunData {
  /// Mistakes and warnings, a line each. Only what is in memory is looked at; `swiftdp data check` looks at all rows.
  /// - Throws: `UserErrors` with the mistakes, where the recipe refuses them.
  func notes(_ recipe: Recipe, _ model: ModelDescription) throws -> [String] {
    guard recipe.data.check != .off else { return [] }
    let facts = InspectionFacts(
      recipe, model, dataset.options, labels: dataset.labels, tokenizer: tokenizer)
    let findings = Inspection.atStart(facts, dataset)
    let mistakes = findings.filter { $0.severity == .mistake }
    guard recipe.data.check != .refuse || mistakes.isEmpty else {
      throw UserErrors(
        mistakes.map { finding in
          UserError(
            .data, finding.sentence, at: finding.examples.first?.place ?? "data",
            hint: finding.advice + "; data.check=warn goes on")
        })
    }
    return findings.filter { $0.severity != .note }.map { finding in
      let place = finding.examples.first.map { ", such as \($0.place.printable(4200))" } ?? ""
      return "\(finding.sentence)\(place) (\(finding.advice); swiftdp data check tells more)"
    }
  }
}
