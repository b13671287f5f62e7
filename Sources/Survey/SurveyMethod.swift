// The methods that are compared, with the learning rate of each.
//
// No rate suits all methods. Those of full fine-tuning and LoRA are the best of a few that were tried by hand with the
// steps of the survey (with an alpha of 16, LoRA calls all words unlabelled); the others follow from what their papers
// take beside them.
import Base

/// One row of the tables.
struct SurveyMethod {
  /// What a row is called, and its folder.
  let name: String
  /// `method` of a recipe.
  let setting: String
  /// Other settings that belong to it.
  var others: [String] = []
  /// Learning rates; nil where the method cannot do the task.
  let decoderRate: Double?
  let encoderRate: Double?
  /// The tasks that it cannot do, by name.
  var impossible: [String] = []
  /// Whether its adapter can be folded into the base.
  var isMergeable = false
  /// `method` for encoders, where it is another.
  var encoderSetting: String?

  /// nil where it cannot do the task.
  func rate(_ task: SurveyTask) -> Double? {
    impossible.contains(task.name) ? nil : task.kind == .decoder ? decoderRate : encoderRate
  }

  func setting(_ task: SurveyTask) -> String {
    task.kind == .decoder ? setting : encoderSetting ?? setting
  }

  static let all: [SurveyMethod] = [
    SurveyMethod(name: "full", setting: "full", decoderRate: 2e-3, encoderRate: 1e-4),
    SurveyMethod(
      name: "last_layers, two of six", setting: "{name: last_layers, layers: 2}", decoderRate: 3e-3,
      encoderRate: 3e-4),
    SurveyMethod(
      name: "last_layers, one", setting: "{name: last_layers, layers: 1}", decoderRate: 3e-3,
      encoderRate: 3e-4),
    SurveyMethod(
      name: "last_layers, head alone", setting: "{name: last_layers, layers: 0}", decoderRate: nil,
      encoderRate: 3e-3),
    SurveyMethod(
      name: "features, linear", setting: "{name: features, head: linear}", decoderRate: nil,
      encoderRate: 3e-3),
    SurveyMethod(
      name: "features, mlp", setting: "{name: features, head: mlp}", decoderRate: nil, encoderRate: 3e-3,
      impossible: ["names"]),
    SurveyMethod(name: "bitfit", setting: "bitfit", decoderRate: nil, encoderRate: 3e-3),
    SurveyMethod(name: "layernorm", setting: "layernorm", decoderRate: 1e-2, encoderRate: 3e-3),
    SurveyMethod(
      name: "lora", setting: "lora", decoderRate: 3e-3, encoderRate: 1e-3, isMergeable: true,
      encoderSetting: "{name: lora, alpha: 8}"),
    SurveyMethod(
      name: "lora, base in nf4", setting: "lora", others: ["frozen_dtype=nf4"], decoderRate: 3e-3,
      encoderRate: 1e-3, encoderSetting: "{name: lora, alpha: 8}"),
    SurveyMethod(
      name: "lora, A frozen", setting: "{name: lora, fa: true}", decoderRate: 1e-2, encoderRate: 3e-3,
      isMergeable: true),
    SurveyMethod(
      name: "dora", setting: "{name: lora, dora: true}", decoderRate: 5e-3, encoderRate: 1e-3,
      isMergeable: true, encoderSetting: "{name: lora, dora: true, alpha: 8}"),
    SurveyMethod(name: "adalora", setting: "adalora", decoderRate: 3e-3, encoderRate: 3e-3),
    SurveyMethod(name: "ia3", setting: "ia3", decoderRate: 3e-2, encoderRate: 1e-2, isMergeable: true),
    SurveyMethod(
      name: "adapters, pfeiffer", setting: "{name: adapters, config: pfeiffer}", decoderRate: 1e-2,
      encoderRate: 1e-3),
    SurveyMethod(
      name: "adapters, houlsby", setting: "{name: adapters, config: houlsby}", decoderRate: 1e-2,
      encoderRate: 1e-3),
    SurveyMethod(
      name: "adapters, parallel", setting: "{name: adapters, config: parallel}", decoderRate: 1e-2,
      encoderRate: 1e-3),
    SurveyMethod(
      name: "prefix_tuning", setting: "{name: prefix_tuning, num_virtual_tokens: 20}", decoderRate: 3e-2,
      encoderRate: nil),
    SurveyMethod(
      name: "p_tuning", setting: "{name: p_tuning, num_virtual_tokens: 20}", decoderRate: 3e-3,
      encoderRate: 3e-3, impossible: ["names"]),
    SurveyMethod(
      name: "prompt_tuning", setting: "{name: prompt_tuning, num_virtual_tokens: 20}", decoderRate: 3e-2,
      encoderRate: 1e-2, impossible: ["names"]),
  ]
}
