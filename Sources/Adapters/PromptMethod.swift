// What the methods share that train vectors before every text. Settings, their defaults and files are PEFT's.
import Base
import Graph

protocol PromptMethod: Method {
  /// What adapter_config.json calls it.
  static var peftType: String { get }
  /// PEFT's names for what models are for that it can be trained on.
  static var taskTypes: [String] { get }
  /// Virtual tokens.
  var count: Int { get }
  /// Whether what an encoder has made is read, and not the encoder.
  var readsResult: Bool { get set }
  /// Settings of its own, as recipes and adapter_config.json name them.
  var ownSettings: [(String, JSON)] { get }
  /// What adapter_config.json says of the model beside them.
  func sizes(of model: AdaptedModel) -> [(String, JSON)]
  /// - Throws: if the model has no place for it.
  func prompt(of model: AdaptedModel) throws -> Prompt
}

extension PromptMethod {
  static var taskTypes: [String] { ["CAUSAL_LM", "SEQ_CLS"] }

  package var settings: JSON {
    .object(members: [("name", .string(Self.name)), ("num_virtual_tokens", .integer(count))] + ownSettings)
  }

  package var asRead: any Method {
    var read = self
    read.readsResult = true
    return read
  }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    guard Self.taskTypes.contains(model.taskType), !model.readsSource else {
      let others = Self.taskTypes.count == 1 ? "" : ", and for classification and regression"
      throw UserError(
        .usage, "is \(Self.name), which is for language models that read one text\(others)", at: "method",
        hint: "method: lora goes with every task")
    }
    let prompt = try prompt(of: model)
    // The table of tokens is what a model reads first.
    if prompt.place == .embeddings, model.parameters.first?.shape.last != model.width {
      throw UserError(
        .usage,
        "is \(Self.name), and PEFT has none for models whose embeddings are narrower than their layers",
        at: "method", hint: "method: lora goes with every model")
    }
    return Prompted(prompt: prompt, trained: model.alwaysTrained)
  }

  package func adapterConfig(of model: AdaptedModel, base: String) throws -> JSON? {
    let saved = model.modulesAlwaysSaved.sorted()
    let common: [(String, JSON)] = [
      ("auto_mapping", .null), ("base_model_name_or_path", .string(base)), ("inference_mode", .bool(true)),
      ("num_transformer_submodules", .integer(1)), ("num_virtual_tokens", .integer(count)),
      ("peft_type", .string(Self.peftType)), ("revision", .null),
      ("task_type", .string(model.taskType)),
    ]
    // PEFT asks for a tokenizer wherever there is a text, and does not load it to read an adapter.
    let words: [(String, JSON)] =
      ownSettings.contains { $0.0 == "prompt_tuning_init_text" && !$0.1.isNull }
      ? [("tokenizer_name_or_path", .string(base))] : []
    let heads = saved.isEmpty ? [] : [("modules_to_save", JSON.array(saved.map { .string($0) }))]
    return .object(members: (common + heads + ownSettings + words + sizes(of: model)).sorted { $0.0 < $1.0 })
  }

  func sizes(of model: AdaptedModel) -> [(String, JSON)] {
    [
      ("num_attention_heads", model.attentions.first.map { .integer($0.heads) } ?? .null),
      ("num_layers", .integer(model.attentions.count)), ("token_dim", .integer(model.width)),
    ]
  }

  /// `num_virtual_tokens` of a recipe.
  static func count(_ settings: Section) -> Int {
    settings.integer("num_virtual_tokens", default: 20, in: 1...1 << 16)
  }

  /// `num_virtual_tokens` of an adapter.
  static func count(_ config: PromptConfig) -> Int {
    let count = config.value("num_virtual_tokens")?.integer ?? 0
    if !(1...1 << 16).contains(count) {
      config.fail("num_virtual_tokens", "is \(count), but must be from 1 to \(1 << 16)")
    }
    let parts = config.value("num_transformer_submodules")?.integer ?? 1
    if parts != 1 {
      config.fail("num_transformer_submodules", "is \(parts), which is not supported", hint: "1 is")
    }
    return max(count, 1)
  }
}

private struct Prompted: Adaptation {
  let vectors: Prompt
  let trained: Set<String>

  init(prompt: Prompt, trained: Set<String>) {
    vectors = prompt
    self.trained = trained
  }

  var prompt: Prompt? { vectors }
  func trains(_ parameter: String) -> Bool { trained.contains(parameter) }
}

/// adapter_config.json, read with all its mistakes at once.
struct PromptConfig {
  let json: JSON
  let file: String
  let problems = Problems()

  func value(_ key: String) -> JSON? { json[key].flatMap { $0.isNull ? nil : $0 } }

  func fail(_ key: String, _ what: String, hint: String = "") {
    problems.add(.data, what, at: "\(file): \(key)", hint: hint)
  }
}
