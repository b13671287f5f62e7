// IA3 (Liu et al. 2022): keys, values and what the feed-forward's last projection reads are multiplied by vectors, which
// alone are trained. Settings, their defaults and files are those of PEFT's IA3Config.
import Base
import Graph

package struct IA3: Method {
  package static let name = "ia3"
  package var beginsAsBase: Bool { true }

  /// Nil for those of the model's type.
  package var targets: ModulePattern?
  /// Targets whose inputs are multiplied; the outputs of the others are. Nil for those of the model's type.
  package var feedForward: ModulePattern?
  package var modulesToSave: [String] = []

  package init() {}

  package init(_ settings: Section) {
    targets = ModulePattern(settings, "target_modules")
    feedForward = ModulePattern(settings, "feedforward_modules")
    modulesToSave = settings.has("modules_to_save") ? settings.texts("modules_to_save", default: []) : []
  }

  package var settings: JSON {
    let patterns = [("target_modules", targets), ("feedforward_modules", feedForward)].compactMap {
      key, pattern in pattern.map { (key, JSON.string("\($0)")) }
    }
    let saved = [("modules_to_save", JSON.array(modulesToSave.map { .string($0) }))]
    return .object(members: [("name", .string(Self.name))] + patterns + (modulesToSave.isEmpty ? [] : saved))
  }

  /// Targets by `model_type`, the last being that of the feed-forward: PEFT's, and the same modules for models that
  /// PEFT has no default for.
  private static let usual: [String: [String]] = {
    let byTargets: [([String], models: [String])] = [
      (["k_proj", "v_proj", "down_proj"], ["llama", "mistral", "olmo2", "smollm3"]),
      (["q_proj", "v_proj", "down_proj"], ["gemma", "gemma2", "gemma3_text", "qwen2", "qwen3"]),
      (["qkv_proj", "down_proj"], ["phi3"]), (["c_attn", "mlp.c_proj"], ["gpt2"]),
      (["query_key_value", "dense_4h_to_h"], ["gpt_neox"]), (["q_proj", "k_proj", "fc2"], ["opt"]),
      (["q_proj", "v_proj", "fc2"], ["bart"]), (["k", "v", "wo"], ["t5"]), (["k", "v", "wi_1"], ["mt5"]),
      (["key", "value", "output.dense"], ["bert", "roberta", "xlm-roberta", "electra"]),
      (["key_proj", "value_proj", "output.dense"], ["deberta-v2"]),
      (["k_lin", "v_lin", "lin2"], ["distilbert"]), (["Wqkv", "mlp.Wo"], ["modernbert"]),
    ]
    return Dictionary(
      uniqueKeysWithValues: byTargets.flatMap { targets, models in models.map { ($0, targets) } })
  }()

  private func patterns(of model: AdaptedModel) throws -> (targets: ModulePattern, feedForward: ModulePattern)
  {
    let usual = Self.usual[model.typeName]
    guard let targets = targets ?? usual.map(ModulePattern.names) else {
      throw UserError(
        .usage, "is missing, and has no default for models of type \(model.typeName)",
        at: "method.target_modules")
    }
    // PEFT multiplies only outputs of mT5, and where targets are given without this.
    let last = self.targets == nil && model.typeName != "mt5" ? usual?.last.map { [$0] } : nil
    return (targets, feedForward ?? .names(last ?? []))
  }

  private func chosen(_ targets: ModulePattern) -> ChosenModules {
    ChosenModules(targets: (targets, "method.target_modules"), exclude: nil, modulesToSave: modulesToSave)
  }

  package func partsHead(of model: AdaptedModel) -> Bool {
    ChosenModules(targets: nil, exclude: nil, modulesToSave: modulesToSave).partsHead(of: model)
  }

  /// The modules with gains of their outputs, those with gains of their inputs, and those that are trained as a whole.
  private func modules(of model: AdaptedModel) throws -> (
    outputs: [String], inputs: [String], saved: [String]
  ) {
    let (targetPattern, feedForward) = try patterns(of: model)
    let problems = Problems()
    let (targets, saved) = chosen(targetPattern).modules(of: model, problems)
    let inputs =
      problems.collect { try feedForward.modules(among: targets, at: "method.feedforward_modules") } ?? []
    ChosenModules.checkApart(
      targets, saved, "a vector", hint: "leave it out of method.target_modules", problems)
    try problems.throwIfAny()
    return (targets.filter { !inputs.contains($0) }, inputs, saved)
  }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let (outputs, inputs, saved) = try modules(of: model)
    let gains = outputs.map { ($0, Gain.outputs) } + inputs.map { ($0, Gain.inputs) }
    return Gains(
      gains: Dictionary(uniqueKeysWithValues: gains),
      trained: model.parameters(of: saved))
  }

  private struct Gains: Adaptation {
    /// By module.
    let gains: [String: Gain]
    let trained: Set<String>
    func trains(_ parameter: String) -> Bool { trained.contains(parameter) }
    func gain(at projection: String) -> Gain? { gains[projection] }
  }
}

extension IA3 {
  package func adapterConfig(of model: AdaptedModel, base: String) throws -> JSON? {
    let (outputs, inputs, saved) = try modules(of: model)
    func texts(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }
    return .object([
      "auto_mapping": .null, "base_model_name_or_path": .string(base), "exclude_modules": .null,
      "fan_in_fan_out": .bool(model.storesInputsFirst), "feedforward_modules": texts(inputs),
      "inference_mode": .bool(true), "init_ia3_weights": .bool(true),
      "modules_to_save": saved.isEmpty ? .null : texts(saved), "peft_type": .string("IA3"), "revision": .null,
      "target_modules": texts(outputs + inputs),
      "task_type": model.taskType.isEmpty ? .null : .string(model.taskType),
    ])
  }

  /// The method that an adapter was made by.
  /// - Parameter file: what messages name.
  /// - Throws: every setting that swiftdp does not have, at once.
  package init(config: JSON, file: String) throws {
    let problems = Problems()
    func value(_ key: String) -> JSON? { config[key].flatMap { $0.isNull ? nil : $0 } }
    func names(_ key: String) -> ModulePattern? {
      guard let given = value(key) else { return nil }
      return given.text.map(ModulePattern.expression)
        ?? .names((given.elements ?? []).compactMap(\.text))
    }
    if value("exclude_modules") != nil {
      problems.add(.data, "is given, which is not supported", at: "\(file): exclude_modules")
    }
    targets = names("target_modules")
    feedForward = names("feedforward_modules")
    modulesToSave = (value("modules_to_save")?.elements ?? []).compactMap(\.text)
    try problems.throwIfAny()
  }
}
