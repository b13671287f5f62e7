// What methods see of a model, and the method that an adapter folder was made by.
import Adapters
import Base
import Foundation
import Graph

extension AdaptedModel {
  package init(_ description: ModelDescription) {
    let family = description.family
    let module = description.head.module(of: type(of: family))
    let parameters = description.parameters.filter { !$0.isAdded }
    self.init(
      parameters: parameters,
      outputEmbedding: module.map { module in
        parameters.last { $0.name.hasPrefix(module + ".") && $0.isProjection }?.name ?? module + ".weight"
      } ?? family.outputEmbedding,
      head: type(of: family).head, isTied: module == nil && family.tied,
      storesInputsFirst: type(of: family).storesInputsFirst,
      taskType: description.head.taskType(of: type(of: family)),
      headModule: module, newParameters: description.newParameters, typeName: description.typeName,
      readsSource: type(of: family).readsSource, isCausal: type(of: family).isCausal,
      width: ["hidden_size", "n_embd", "d_model"].compactMap { description.config[$0]?.integer }.first
        ?? description.width,
      attentions: Graph.attentions { _ = family.forward($0) })
    className = description.config["architectures"]?.elements?.first?.text ?? ""
    basePrefix = type(of: family).basePrefix
    parts = Graph.parts { description.record(on: $0) }
  }
}

extension Head {
  /// PEFT's name for what a model with this head is for; empty where it has none.
  func taskType(of family: any ModelFamily.Type) -> String {
    switch kind {
    case .none: "FEATURE_EXTRACTION"
    case .languageModel: family.readsSource ? "SEQ_2_SEQ_LM" : "CAUSAL_LM"
    case .labels: "SEQ_CLS"
    case .tokenLabels: "TOKEN_CLS"
    case .spans: "QUESTION_ANS"
    case .maskedLanguageModel, .choices: ""
    }
  }

  /// The kind of head that PEFT means by such a name.
  package static func kind(ofTask name: String) -> Kind? {
    ["SEQ_CLS": .labels, "TOKEN_CLS": .tokenLabels, "QUESTION_ANS": .spans][name]
  }
}

extension ModelDescription {
  /// The same model as a method fine-tunes it. A head that the method parts from the embedding begins as its copy.
  /// - Throws: where the method's settings name nothing that the model has.
  package func adapted(by method: any Method) throws -> ModelDescription {
    let whole = try method.partsHead(of: AdaptedModel(self)) ? withHeadOfItsOwn() : self
    return whole.adapted(by: try method.adaptation(of: AdaptedModel(whole)))
  }
}

/// The method that an adapter was made by.
/// - Parameter folder: as PEFT or AdapterHub's `adapters` writes it.
/// - Throws: where there is none, or one that swiftdp does not have.
package func adapterMethod(in folder: String) throws -> any Method {
  let file = folder + "/adapter_config.json"
  if access(file, F_OK) != 0, errno == ENOENT {
    let isAbove = access("\(folder)/model/adapter_config.json", F_OK) == 0
    let places = [folder, folder + "/model"].map { "\($0)/\(AdapterMember.folder)" }
    let several = places.first { access($0, F_OK) == 0 }
    throw UserError(
      .data, "holds no adapter: it has no adapter_config.json", at: folder,
      hint: isAbove ? "is \(folder)/model meant?" : several.map { "name one of those in \($0)" } ?? "")
  }
  return try adapterMethod(config: try OpenFile.json(file), file: file)
}
