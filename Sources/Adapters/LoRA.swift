// LoRA (Hu et al. 2021): each chosen projection gets two narrow matrices, which alone are trained. Formulas, settings
// and their defaults are those of PEFT's LoraConfig, but that all projections are chosen by default.
import Base
import Graph

package struct LoRA: Method {
  package static let name = "lora"

  package let rank: Int
  package let alpha: Double
  package let dropout: Double
  /// Nil for all projections.
  package let targets: ModulePattern?
  package let exclude: ModulePattern?
  package let modulesToSave: [String]
  /// alpha / √rank instead of alpha / rank (Kalajdzievski 2023).
  package let rsLoRA: Bool

  package init(_ settings: Section) {
    rank = settings.integer("rank", default: 8, in: 1...4096)
    alpha = settings.number("alpha", default: 16, in: 0...1e6)
    dropout = settings.number("dropout", default: 0, in: 0...0.99)
    if settings.raw("targets")?.text == "all-linear" || !settings.has("targets") {
      settings.record("targets", .string("all-linear"))
      targets = nil
    } else {
      targets = ModulePattern(settings, "targets")
    }
    exclude = ModulePattern(settings, "exclude")
    modulesToSave = settings.has("modules_to_save") ? settings.texts("modules_to_save", default: []) : []
    rsLoRA = settings.bool("rslora", default: false)
  }

  package var settings: JSON {
    .object([
      "name": .string(Self.name), "rank": .integer(rank), "alpha": .number(alpha),
      "dropout": .number(dropout), "targets": .string("\(targets.map { "\($0)" } ?? "all-linear")"),
      "exclude": .string("\(exclude.map { "\($0)" } ?? "")"),
      "modules_to_save": .array(modulesToSave.map { .string($0) }), "rslora": .bool(rsLoRA),
    ])
  }

  package func adapterConfig(of model: AdaptedModel, base: String) throws -> JSON? {
    try config(of: model, base: base)
  }

  /// What u is multiplied by.
  package var scale: Double { alpha / (rsLoRA ? Double(rank).squareRoot() : Double(rank)) }

  package init(
    rank: Int, alpha: Double, dropout: Double, targets: ModulePattern?, exclude: ModulePattern?,
    modulesToSave: [String], rsLoRA: Bool
  ) {
    self.rank = rank
    self.alpha = alpha
    self.dropout = dropout
    self.targets = targets
    self.exclude = exclude
    self.modulesToSave = modulesToSave
    self.rsLoRA = rsLoRA
  }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let (targets, saved) = try modules(of: model)
    return Terms(
      lowRank: LowRank(rank: rank, scale: Float(scale), dropout: dropout), targets: Set(targets),
      trained: Set(model.parameters.map(\.name).filter { saved.contains(model.module(of: $0)) }))
  }

  /// The modules with a low-rank term, and those that are trained as a whole.
  func modules(of model: AdaptedModel) throws -> (targets: [String], saved: [String]) {
    let problems = Problems()
    let projections = model.projections
    var targets =
      problems.collect {
        try self.targets?.modules(among: projections, at: "method.targets") ?? projections
      } ?? []
    if let exclude {
      let excluded =
        problems.collect { try exclude.modules(among: projections, at: "method.exclude") } ?? []
      targets.removeAll { excluded.contains($0) }
      if targets.isEmpty, problems.errors.isEmpty {
        problems.add(.usage, "leaves no target", at: "method.exclude")
      }
    }
    let modules = Set(model.parameters.map { model.module(of: $0.name) }).sorted()
    let named =
      problems.collect {
        try ModulePattern.names(modulesToSave).modules(among: modules, at: "method.modules_to_save")
      } ?? []
    let saved = modules.filter { named.contains($0) || model.modulesAlwaysSaved.contains($0) }
    for module in saved where targets.contains(module) {
      problems.add(
        .usage, "\(module) is trained as a whole and has a low-rank term", at: "method.modules_to_save",
        hint: "name it in method.exclude")
    }
    if model.isTied, saved.contains(model.module(of: model.outputEmbedding)) {
      problems.add(
        .usage,
        "\(model.module(of: model.outputEmbedding)) is also the head of this model, and PEFT would train the two apart",
        at: "method.modules_to_save", hint: "leave it out, or untie the model (tie_word_embeddings: false)")
    }
    try problems.throwIfAny()
    return (targets, saved)
  }

  private struct Terms: Adaptation {
    let lowRank: LowRank
    let targets: Set<String>
    let trained: Set<String>
    func trains(_ parameter: String) -> Bool { trained.contains(parameter) }
    func lowRank(at projection: String, inputs: Int, outputs: Int) -> LowRank? {
      targets.contains(projection) ? lowRank : nil
    }
  }
}
