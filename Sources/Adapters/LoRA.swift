// LoRA (Hu et al. 2021): each chosen projection gets two narrow matrices, which alone are trained. Formulas, settings
// and their defaults are those of PEFT's LoraConfig, but that all projections are chosen by default.
import Base
import Graph
import Tensors

package struct LoRA: Method {
  package static let name = "lora"

  package var rank = 8
  package var alpha = 16.0
  package var dropout = 0.0
  /// Nil for all projections.
  package var targets: ModulePattern?
  package var exclude: ModulePattern?
  package var modulesToSave: [String] = []
  /// alpha / √rank instead of alpha / rank (Kalajdzievski 2023).
  package var rsLoRA = false
  /// A trained magnitude for each output (Liu et al. 2024).
  package var dora = false
  package var start = LowRankStart.uniform
  /// What the learning rate of B, and of what has one dimension, is multiplied by (Hayou et al. 2024).
  package var loraPlusRatio = 1.0
  /// Ranks and alphas of modules that have their own, by expressions of which the first that matches counts.
  package var rankPattern: [(pattern: String, rank: Int)] = []
  package var alphaPattern: [(pattern: String, alpha: Double)] = []
  /// The layers whose modules have terms; nil for all.
  package var layers: LayerChoice?
  /// Whether A stays as it begins (LoRA-FA, Zhang et al. 2023).
  package var fa = false
  /// Whether patterns and layers that mean no target are mistakes, as in a recipe.
  private var isStrict = false

  package var beginsAsBase: Bool { !start.decomposes }

  package init() {}

  package init(_ settings: Section) {
    rank = settings.integer("rank", default: 8, in: 1...4096)
    readCommon(settings)
    rsLoRA = settings.bool("rslora", default: false)
    dora = settings.bool("dora", default: false)
    start = settings.choice("init", default: .uniform)
    loraPlusRatio = settings.number("lora_plus_ratio", default: 1, in: 1e-6...1e6)
    rankPattern = Self.pattern(settings, "rank_pattern", "a rank from 1 to 4096", Self.rank)
    alphaPattern = Self.pattern(settings, "alpha_pattern", "a number", \.double)
    fa = settings.bool("fa", default: false)
  }

  /// What AdaLoRA has too.
  mutating func readCommon(_ settings: Section) {
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
    layers = LayerChoice(settings)
    isStrict = true
    if layers != nil, case .expression = targets {
      settings.fail(
        "layers", "is given, and targets is an expression", hint: "name the layers there, as in PEFT")
    }
  }

  package func trained(as given: any Method) -> any Method {
    guard let given = given as? LoRA else { return self }
    var lora = self
    lora.loraPlusRatio = given.loraPlusRatio
    lora.fa = given.fa
    return lora
  }

  static func rank(_ value: JSON) -> Int? { value.integer.flatMap { (1...4096).contains($0) ? $0 : nil } }

  /// A mapping from expressions to values.
  private static func pattern<T>(
    _ settings: Section, _ key: String, _ kind: String, _ read: (JSON) -> T?
  ) -> [(String, T)] {
    guard let given = settings.raw(key) else { return [] }
    settings.record(key, given)
    guard let members = given.members else {
      settings.fail(key, "is \(given.kind), where modules with values are meant", hint: "such as {q_proj: 4}")
      return []
    }
    return members.compactMap { member in
      let pattern = String(decoding: member.key, as: UTF8.self)
      guard (try? Regex(pattern)) != nil else {
        settings.fail(key, "has \(pattern.quoted), which is no regular expression")
        return nil
      }
      guard let value = read(member.value) else {
        settings.fail(
          key, "has \(member.value.encoded().printable(40)) for \(pattern.quoted), where \(kind) is meant")
        return nil
      }
      return (pattern, value)
    }
  }

  package var settings: JSON {
    .object(
      members: [("name", .string(Self.name)), ("rank", .integer(rank))] + common
        + [("rslora", .bool(rsLoRA))] + others)
  }

  var common: [(String, JSON)] {
    [
      ("alpha", .number(alpha)),
      ("dropout", .number(dropout)), ("targets", .string("\(targets.map { "\($0)" } ?? "all-linear")")),
      ("exclude", .string("\(exclude.map { "\($0)" } ?? "")")),
      ("modules_to_save", .array(modulesToSave.map { .string($0) })),
    ]
  }

  var layerSettings: [(String, JSON)] {
    layers.map { [("layers", $0.numbersJSON), ("layers_pattern", $0.patternJSON)] } ?? []
  }

  /// Settings that are no defaults, so that runs from before there were these settings go on.
  private var others: [(String, JSON)] {
    var others: [(String, JSON)] = []
    if !rankPattern.isEmpty { others.append(("rank_pattern", ranks)) }
    if !alphaPattern.isEmpty { others.append(("alpha_pattern", alphas)) }
    others += layerSettings
    if fa { others.append(("fa", .bool(true))) }
    if dora { others.append(("dora", .bool(true))) }
    if start != .uniform { others.append(("init", .string(start.rawValue))) }
    if loraPlusRatio != 1 { others.append(("lora_plus_ratio", .number(loraPlusRatio))) }
    return others
  }

  var ranks: JSON { .object(members: rankPattern.map { ($0.pattern, .integer($0.rank)) }) }
  var alphas: JSON { .object(members: alphaPattern.map { ($0.pattern, .number($0.alpha)) }) }

  package func adapterConfig(of model: AdaptedModel, base: String) throws -> JSON? {
    try config(of: model, base: base)
  }

  /// The rank of a module, and what u is multiplied by.
  package func term(of module: String) -> (rank: Int, scale: Double) {
    func means(_ pattern: String) -> Bool { ModulePattern.ends(module, with: pattern) }
    let rank = rankPattern.first { means($0.pattern) }?.rank ?? rank
    let alpha = alphaPattern.first { means($0.pattern) }?.alpha ?? alpha
    return (rank, alpha / (rsLoRA ? Double(rank).squareRoot() : Double(rank)))
  }

  package func partsHead(of model: AdaptedModel) -> Bool {
    chosen.partsHead(of: model)
  }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let (targets, saved) = try modules(of: model)
    let terms = targets.map { module in
      let (rank, scale) = term(of: module)
      return (
        module,
        LowRank(
          rank: rank, scale: Float(scale), dropout: dropout, hasMagnitude: dora, start: start, trainsA: !fa)
      )
    }
    return Terms(
      terms: Dictionary(terms) { first, _ in first },
      rateOfB: loraPlusRatio, trained: model.parameters(of: saved))
  }

  private var chosen: ChosenModules {
    ChosenModules(
      targets: targets.map { ($0, "method.targets") }, exclude: exclude.map { ($0, "method.exclude") },
      modulesToSave: modulesToSave)
  }

  /// The modules with a low-rank term, and those that are trained as a whole.
  func modules(of model: AdaptedModel) throws -> (targets: [String], saved: [String]) {
    let problems = Problems()
    var targets: [String]
    let saved: [String]
    (targets, saved) = chosen.modules(of: model, problems)
    if let layers {
      if isStrict { problems.collect { try layers.check(targets) } }
      targets.removeAll { !layers.contains($0) }
    }
    if isStrict {
      for (key, patterns) in [
        ("rank_pattern", rankPattern.map(\.pattern)), ("alpha_pattern", alphaPattern.map(\.pattern)),
      ] {
        for pattern in patterns where !targets.contains(where: { ModulePattern.ends($0, with: pattern) }) {
          let ends = Set(targets.compactMap { $0.split(separator: ".").last.map(String.init) }).sorted()
          problems.add(
            .usage, "\(pattern.quoted) means no target", at: "method.\(key)",
            hint: nearest(to: pattern, among: ends + targets).map { "did you mean \($0)?" }
              ?? "there are \(ends.joined(separator: ", "))")
        }
      }
    }
    ChosenModules.checkApart(targets, saved, "a low-rank term", hint: "name it in method.exclude", problems)
    if start.decomposes, let narrow = model.parameters.first(where: { isTooNarrow($0, model, targets) }) {
      problems.add(
        .usage, "is \(rank), and \(narrow.name) has \(counted(narrow.shape.min() ?? 0, "singular value"))",
        at: "method.rank")
    }
    try problems.throwIfAny()
    return (targets, saved)
  }

  private func isTooNarrow(_ spec: ParameterSpec, _ model: AdaptedModel, _ targets: [String]) -> Bool {
    let module = model.module(of: spec.name)
    return spec.isProjection && targets.contains(module) && (spec.shape.min() ?? 0) < term(of: module).rank
  }

  struct Terms: Adaptation {
    /// By module.
    let terms: [String: LowRank]
    let rateOfB: Double
    let trained: Set<String>
    func trains(_ parameter: String) -> Bool { trained.contains(parameter) }
    func lowRank(at projection: String, inputs: Int, outputs: Int) -> LowRank? { terms[projection] }
    /// As PEFT's `create_loraplus_optimizer`.
    func rateFactor(of parameter: String, isVector: Bool) -> Double {
      isVector || parameter.hasSuffix(".lora_B.weight") ? rateOfB : 1
    }
  }
}
