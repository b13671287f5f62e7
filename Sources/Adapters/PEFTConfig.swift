// adapter_config.json of PEFT: the method that made an adapter, and LoRA's settings, both ways.
import Base
import Graph

/// The method that an adapter was made by.
/// - Parameter file: what messages name.
/// - Throws: every setting that swiftdp does not have, at once.
package func adapterMethod(config: JSON, file: String) throws -> any Method {
  switch config["peft_type"]?.text ?? "" {
  case "LORA": return try LoRA(config: config, file: file)
  case AdaLoRA.peftType: return try AdaLoRA(config: config, file: file)
  case "IA3": return try IA3(config: config, file: file)
  case "" where BottleneckAdapters.isConfig(config):
    return try BottleneckAdapters(config: config, file: file)
  case PromptTuning.peftType: return try PromptTuning(PromptConfig(json: config, file: file))
  case PrefixTuning.peftType: return try PrefixTuning(PromptConfig(json: config, file: file))
  case PTuning.peftType: return try PTuning(PromptConfig(json: config, file: file))
  case let kind:
    throw UserError(
      .data,
      "is \(kind.quoted), and swiftdp reads LORA, ADALORA, IA3, PROMPT_TUNING, PREFIX_TUNING and P_TUNING",
      at: "\(file): peft_type")
  }
}

extension LoRA {
  /// As PEFT's `LoraConfig.save_pretrained` writes it, with the modules by their whole names.
  package func config(of model: AdaptedModel, base: String) throws -> JSON {
    let (targets, saved) = try modules(of: model)
    func texts(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }
    return .object([
      "alpha_pattern": alphas, "auto_mapping": .null, "base_model_name_or_path": .string(base),
      "bias": .string("none"), "exclude_modules": .null,
      "fan_in_fan_out": .bool(model.storesInputsFirst), "inference_mode": .bool(true),
      "init_lora_weights": savedStart, "layers_pattern": layers?.patternJSON ?? .null,
      "layers_to_transform": layers?.numbersJSON ?? .null,
      "lora_alpha": .number(alpha), "lora_bias": .bool(false), "lora_dropout": .number(dropout),
      "modules_to_save": saved.isEmpty ? .null : texts(saved), "peft_type": .string("LORA"),
      "r": .integer(rank), "rank_pattern": ranks, "revision": .null,
      "target_modules": texts(targets), "task_type": model.taskType.isEmpty ? .null : .string(model.taskType),
      "use_dora": .bool(dora),
      "use_rslora": .bool(rsLoRA),
    ])
  }

  /// PEFT decomposes the base again when it loads an adapter of PiSSA. Others need nothing but their base.
  private var savedStart: JSON { start == .pissa ? .string("pissa") : .bool(true) }

  /// Ways of starting that change the base by numbers that are not in the adapter.
  private static func changesBase(_ start: String) -> Bool {
    ["loftq", "olora", "corda", "lora_ga"].contains(start) || start.hasPrefix("pissa_niter")
  }

  /// What an adapter of LoRA was made by.
  /// - Parameter file: what messages name.
  /// - Throws: every setting that swiftdp does not have, at once.
  package init(config: JSON, file: String) throws {
    let problems = Problems()
    func fail(_ key: String, _ what: String) { problems.add(.data, what, at: "\(file): \(key)") }
    func value(_ key: String) -> JSON? { config[key].flatMap { $0.isNull ? nil : $0 } }
    for key in ["use_qalora", "lora_bias"] where value(key)?.bool == true {
      fail(key, "is true, which is not supported")
    }
    for key in ["layer_replication", "target_parameters", "trainable_token_indices"]
    where value(key) != nil {
      fail(key, "is given, which is not supported")
    }
    if let bias = value("bias")?.text, bias != "none" {
      fail("bias", "is \(bias.quoted), and none is supported")
    }
    let given = value("init_lora_weights")?.text ?? ""
    if Self.changesBase(given) {
      fail("init_lora_weights", "is \(given.quoted), which changes the base, and is not supported")
    }
    func names(_ key: String) -> ModulePattern? {
      guard let given = value(key) else { return nil }
      if let text = given.text { return text == "all-linear" ? nil : .expression(text) }
      return .names((given.elements ?? []).compactMap(\.text))
    }
    func patterns<T>(_ key: String, _ read: (JSON) -> T?) -> [(String, T)] {
      (value(key)?.members ?? []).compactMap { member in
        let pattern = String(decoding: member.key, as: UTF8.self)
        guard (try? Regex(pattern)) != nil, let value = read(member.value) else {
          fail(key, "has \(pattern.quoted): \(member.value.encoded().printable(40)), which means nothing")
          return nil
        }
        return (pattern, value)
      }
    }
    self.init()
    rank = value("r")?.integer ?? 8
    if Self.rank(.integer(rank)) == nil { fail("r", "is \(rank), but must be from 1 to 4096") }
    rankPattern = patterns("rank_pattern", Self.rank)
    alphaPattern = patterns("alpha_pattern") { $0.double }
    alpha = value("lora_alpha")?.double ?? 8
    dropout = value("lora_dropout")?.double ?? 0
    targets = names("target_modules")
    exclude = names("exclude_modules")
    if let numbers = value("layers_to_transform") {
      layers = LayerChoice(numbers, pattern: value("layers_pattern"))
      if layers == nil {
        fail("layers_to_transform", "is \(numbers.encoded().printable(40)), and numbers are meant")
      }
    }
    modulesToSave = (value("modules_to_save")?.elements ?? []).compactMap(\.text)
    // PEFT ties the two or not by how the modules are named, and writes one tensor or two.
    if value("ensure_weight_tying")?.bool == true, !modulesToSave.isEmpty {
      fail("ensure_weight_tying", "is true, which is not supported: tied modules are trained apart")
    }
    rsLoRA = value("use_rslora")?.bool ?? false
    dora = value("use_dora")?.bool ?? false
    if given == LowRankStart.pissa.rawValue { start = .pissa }
    try problems.throwIfAny()
  }
}
